/* Files by which others keep a package's stages running: containers of Docker Compose and of Kubernetes. */
#ifndef LPC_LIB_DEPLOY_SERVICES_H
#define LPC_LIB_DEPLOY_SERVICES_H

#include "lib/run/run.h"

/* What can be written; each is a row of services.c. */
typedef struct ServicesKind ServicesKind;
/* NULL: there is no kind of that name ("compose", "kubernetes"). */
const ServicesKind *services_find(const char *name);
/* Writes FOLDER/compose.yaml or FOLDER/kubernetes.yaml, whose path is *path. */
int services_write(const ServicesKind *kind, Arena *arena, Diag *diag, const Package *package,
                   const char **path);

/* A service: a stage, or the gateway, in words that both kinds share. */
typedef struct Service {
    const char *name;            /* which is also the name of its host: a label of DNS */
    const char *folder;          /* of the stage in the package; NULL: it is the gateway */
    const char *platform;        /* "amd64" */
    const char **words;          /* its command, NULL-terminated; %s in it: the folder's place */
    int64_t memory_bytes, cores; /* limits; 0: none is known */
} Service;

typedef struct Services {
    const char *name; /* of the whole, a label, too */
    const char *tag;  /* the build's first digits */
    Service *list;    /* the stages in their order, then the gateway */
    int count;
} Services;

enum { SERVICE_PORT = 7000, SERVICE_WIRE_PORT = 7700, SERVICE_HTTP_PORT = 8000 };

void compose_text(const Services *services, Text *out);
void kubernetes_text(const Services *services, Text *out);

/* `["a", "b"]`, where place stands for %s. */
void services_words(const Service *service, const char *place, Text *out);
/* The command that tells whether a stage listens, in the same form: it looks into the system's table of sockets,
 * and so costs the stage no connection. */
void services_probe(Text *out);

#endif
