/* In place of http.c where libmicrohttpd is missing. */
#include "lib/fetch/fetch.h"

int fetch_http(FetchServer *server, Diag *diag)
{
    (void)server;
    return diag_error(diag, "this lpc was built without libmicrohttpd (Debian: libmicrohttpd-dev)");
}
