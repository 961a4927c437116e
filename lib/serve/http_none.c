/* In place of http.c where libmicrohttpd is missing. */
#include "lib/serve/serve.h"

int http_start(ServeHttp **http, ServePool *pool, Arena *arena, Diag *diag,
               const ServeOptions *options)
{
    (void)http, (void)pool, (void)arena, (void)options;
    return diag_error(diag, "--http: this lpc was built without libmicrohttpd "
                            "(Debian: libmicrohttpd-dev)");
}

void http_tick(ServeHttp *http)
{
    (void)http;
}

void http_stop(ServeHttp *http)
{
    (void)http;
}
