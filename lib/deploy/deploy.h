/* A package on the devices that it is for: its stages are copied there, started, watched, stopped, removed.
 *
 *   hosts.c     the file that says which stage is where; which ports were chosen (OUT/deployed.json)
 *   remote.c    a command on a device, through ssh, or here
 *   far.c       what is asked of a device: far.sh, one of whose functions is called; keep.sh keeps a stage running there
 *   lock.c      one lpc at a time
 *   copy.c      programs
 *   secret.c    keys
 *   service.c   starting, looking, stopping
 *   logs.c      what stages say
 *   deploy.c    all of it in order
 *
 *     deploy_open(&d, arena, diag, "out/", "hosts.json");
 *     deploy_all(&d);
 */
#ifndef LPC_LIB_DEPLOY_H
#define LPC_LIB_DEPLOY_H

#include "lib/run/run.h"

/* A stage's row of the hosts' file. */
typedef struct DeployHost {
    const char *name;               /* the stage's */
    const char *row;                /* its own name in the file */
    const char *ssh;                /* USER@HOST; NULL: this machine */
    const char *const *ssh_options; /* words, NULL-terminated; NULL: none */
    int ssh_option_count;
    const char *address; /* what neighbours connect to; one with colons stands in brackets */
    const char *folder;  /* the stage's own, on its device; not absolute: below the home folder */
    const char *target;  /* of a spare: the name or target of stages whose place it takes */
    bool local, spare;
    int port, threads, streams; /* threads 0: the stage's default */
} DeployHost;

typedef struct RemoteHold RemoteHold;

/* What a device tells of its stage, and what was done there. */
typedef struct DeployStage {
    DeployHost host;
    const PackageStage *stage;
    const char *where; /* for messages: "stage 'pi' (user@pi.local)" */
    int port;          /* that it listens at; as far as known */
    int chosen;        /* that an earlier deployment chose for host.port; 0: none did */
    /* copying */
    const char *sha256, *cksum; /* of the program */
    int64_t size, from,
        copied; /* its bytes; those there already, of an upload that was cut off; those copied now */
    bool is_new, is_same; /* nothing was deployed there; its program is the same */
    /* running */
    bool is_kept; /* it ran already and was left alone */
    bool is_deployed, same_build;
    int64_t pid; /* 0: it does not run */
    double up_s;
    int restarts;
    const char *unit;  /* systemd's; NULL: a supervisor of lpc's */
    const char *last;  /* what it said last */
    const char *ended; /* how it ended last, "status 16"; NULL: it has not */
    const char *error; /* why nothing is known of it; NULL */
    RemoteHold *lock;  /* while this process changes it */
} DeployStage;

typedef struct Deployment {
    Arena *arena;
    Diag *diag;
    Package *package;
    const char *hosts_file;
    DeployStage *stages; /* in the package's order */
    int count;
    DeployHost *spares; /* that no stage has; those without a row are taken */
    int spare_count;
    bool insecure;   /* links are plain: no keys are made or used */
    bool passes;     /* a stream went through */
    const char *why; /* not; NULL */
    int code;        /* the runtime's exit status that says so */
} Deployment;

/* ---- hosts.c ---- */

/* Reads the package, the hosts' file and what an earlier deployment chose. */
int deploy_open(Deployment *d, Arena *arena, Diag *diag, const char *folder,
                const char *hosts_file);
/* Reads the package; its stages have the ports and folders that a hosts' file would have to change. */
int deploy_describe(Deployment *d, Arena *arena, Diag *diag, const char *folder);
/* Writes which ports were chosen into the package's folder. */
int deploy_remember(Deployment *d);
/* Removes that file. */
void deploy_forget(Deployment *d);
/* Gives the stage to a spare that suits it. Whether there is one. */
bool deploy_use_spare(Deployment *d, DeployStage *s);
/* "pi.local:7002" */
const char *deploy_address(const Deployment *d, int stage);

/* ---- remote.c ---- */

typedef struct RemoteCall {
    const DeployHost *host;
    const char *script; /* for sh */
    int file; /* whose bytes from `from` to `size` follow on the script's standard input; -1: none */
    int64_t from, size;
    const char *what; /* for progress */
    /* Called with each line that the script writes, as it comes; NULL: the reply has all of them. */
    void (*hear)(void *self, char *line);
    void *self;
} RemoteCall;

typedef struct RemoteReply {
    const char *out;   /* what the script wrote */
    const char *words; /* the last line of what else was said */
    int status;        /* its exit status; -1: it did not end, or did not start */
} RemoteReply;

/* Runs a script on the host. 0 when it ended with status 0; does not report. */
int remote_run(Arena *arena, Diag *diag, const RemoteCall *call, RemoteReply *reply);

/* The same for a script that goes on for as long as it is held: returns when it has said "held 1", or ended.
 * remote_release ends its standard input, waits for it, and takes NULL too. */
int remote_hold(Arena *arena, Diag *diag, const RemoteCall *call, RemoteReply *reply,
                RemoteHold **hold);
void remote_release(RemoteHold *hold);

/* ---- far.c ---- */

/* Calls a function of far.sh on the stage's device: its name and words. Reports what went wrong, with `what` was to be
 * done ("cannot look"). */
int far_call(Deployment *d, DeployStage *s, const char *what, RemoteReply *reply,
             const char *const *words);
/* The same with the program's bytes behind it. */
int far_send(Deployment *d, DeployStage *s, const char *what, int file, const char *const *words);
/* The same, with its lines heard as they come. */
int far_hear(Deployment *d, DeployStage *s, const char *what, void (*hear)(void *self, char *line),
             void *self, const char *const *words);
/* The same for one that is held. */
int far_hold(Deployment *d, DeployStage *s, const char *what, RemoteReply *reply,
             const char *const *words, RemoteHold **hold);
/* As far_call, here. */
int far_here(Deployment *d, DeployStage *s, const char *what, RemoteReply *reply,
             const char *const *words);
/* The text behind a key of the reply, in its last line of that key; NULL: there is none. */
const char *far_value(Arena *arena, const RemoteReply *reply, const char *key);
int64_t far_number(Arena *arena, const RemoteReply *reply, const char *key);
/* A word for sh, quoted. */
const char *far_quoted(Arena *arena, const char *word);

/* ---- lock.c ---- */

/* Locks all stages' folders, or none: reports by whom one is locked. may_move: a spare takes the place of a device that
 * does not answer. */
int deploy_lock(Deployment *d, bool may_move);
void deploy_unlock(Deployment *d);

/* ---- copy.c ---- */

/* The size and hashes of the stage's program. */
int copy_know(Deployment *d, DeployStage *s);

/* Looks what is there of the stage's program. */
int copy_look(Deployment *d, DeployStage *s);
/* Copies what is missing of it. */
int copy_send(Deployment *d, DeployStage *s);

/* ---- secret.c ---- */

/* The file of keys, OUT/keys; NULL: there is none. */
const char *deploy_keys(const Deployment *d);
/* Makes it where it is missing, unless the deployment is insecure. */
int secret_make(Deployment *d);
/* Copies it to the stage's device, where a stage that runs reads it again; or removes it there. */
int secret_send(Deployment *d, DeployStage *s);

/* ---- service.c ---- */

enum { DEPLOY_PORTS_TRIED = 20 /* after the one that is asked for */ };
/* A stage's arguments, quoted, but where it listens and where it forwards to. */
const char *service_words(Arena *arena, const DeployHost *host, bool insecure);

/* Starts stage i, or leaves it alone when it runs as it should. */
int service_start(Deployment *d, int i);
int service_status(Deployment *d, DeployStage *s);
/* How a stage is ended: its program stays, it stays and counts as never started, or all goes. */
typedef enum ServiceEnd { SERVICE_STOP, SERVICE_WITHDRAW, SERVICE_REMOVE } ServiceEnd;
int service_end(Deployment *d, DeployStage *s, ServiceEnd how);
/* A stream from one end to the other. timeout_ms: for each of its steps. Fills passes and why. */
int service_try(Deployment *d, int timeout_ms);

/* ---- logs.c ---- */

/* Called with a stage's lines, by one thread at a time. */
typedef void DeployHear(void *user, const char *stage, const char *line);
/* The last lines of each stage's log, one stage after the other. LPC_ERROR when one failed. */
int deploy_logs(Deployment *d, int lines, DeployHear *hear, void *user);
/* The same of all at once, and all that comes then, until the connections end. */
int deploy_follow(Deployment *d, int lines, DeployHear *hear, void *user);

/* ---- deploy.c ---- */

/* Copies, starts from the last to the first, waits until a stream passes. */
int deploy_all(Deployment *d, int timeout_ms);
/* The rest go to every device, whatever the others answer. LPC_ERROR when one failed. */
int deploy_status(Deployment *d);
int deploy_stop(Deployment *d, bool also_remove);

#endif
