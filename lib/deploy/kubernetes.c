/* kubernetes.yaml: a namespace, and for each stage and the gateway a Deployment and a Service. All run one image, which has
 * lpc and the package. */
#include "lib/deploy/services.h"

static void probe(const char *name, const char *how, Text *out)
{
    text_printf(out,
                "          %s:\n%s            periodSeconds: 5\n            failureThreshold: 3\n",
                name, how);
}

static void probes(const Service *s, Text *out)
{
    Text how;
    for (int i = 0; i < 2; i++) {
        text_init(&how, out->arena);
        if (s->folder) {
            text_add(&how, "            exec:\n              command: ");
            services_probe(&how);
            text_add(&how, "\n");
        } else {
            text_printf(&how,
                        "            httpGet:\n              path: /v2/health/%s\n"
                        "              port: %d\n",
                        i ? "live" : "ready", SERVICE_HTTP_PORT);
        }
        probe(i ? "livenessProbe" : "readinessProbe", how.data, out);
    }
}

static void resources(const Service *s, Text *out)
{
    if (!s->memory_bytes && !s->cores) return;
    text_add(out, "          resources:\n");
    for (int i = 0; i < 2; i++) {
        text_printf(out, "            %s:\n", i ? "limits" : "requests");
        if (s->memory_bytes)
            text_printf(out, "              memory: \"%lld\"\n", (long long)s->memory_bytes);
        if (s->cores) text_printf(out, "              cpu: \"%lld\"\n", (long long)s->cores);
    }
}

static void ports(const Service *s, const char *indent, const char *field, Text *out)
{
    if (s->folder)
        text_printf(out, "%s- {name: frames, %s: %d}\n", indent, field, SERVICE_PORT);
    else
        text_printf(out, "%s- {name: frames, %s: %d}\n%s- {name: http, %s: %d}\n", indent, field,
                    SERVICE_WIRE_PORT, indent, field, SERVICE_HTTP_PORT);
}

static void container(const Services *services, const Service *s, Text *out)
{
    const char *place = s->folder ? arena_printf(out->arena, "/package/%s", s->folder) : "/package";
    text_printf(out,
                "        - name: \"%s\"\n          image: \"%s:%s\"\n          command: ", s->name,
                services->name, services->tag);
    services_words(s, place, out);
    text_add(out, "\n          ports:\n");
    ports(s, "            ", "containerPort", out);
    resources(s, out);
    probes(s, out);
    text_add(out, "          securityContext:\n"
                  "            allowPrivilegeEscalation: false\n"
                  "            readOnlyRootFilesystem: true\n"
                  "            capabilities: {drop: [\"ALL\"]}\n");
}

/* Recreate: two of a stage at once would share its clients. */
static void deployment(const Services *services, const Service *s, Text *out)
{
    text_printf(
        out,
        "---\napiVersion: apps/v1\nkind: Deployment\n"
        "metadata: {name: \"%s\", namespace: \"%s\"}\n"
        "spec:\n  replicas: 1\n  strategy: {type: Recreate}\n"
        "  selector: {matchLabels: {app: \"%s\"}}\n"
        "  template:\n    metadata: {labels: {app: \"%s\"}}\n    spec:\n"
        "      terminationGracePeriodSeconds: 5\n"
        "      securityContext: {runAsNonRoot: true, runAsUser: 65534, runAsGroup: 65534}\n",
        s->name, services->name, s->name, s->name);
    if (s->platform)
        text_printf(out, "      nodeSelector: {kubernetes.io/arch: %s}\n", s->platform);
    text_add(out, "      containers:\n");
    container(services, s, out);
}

static void service(const Services *services, const Service *s, Text *out)
{
    text_printf(out,
                "---\napiVersion: v1\nkind: Service\nmetadata: {name: \"%s\", namespace: \"%s\"}\n"
                "spec:\n  selector: {app: \"%s\"}\n  ports:\n",
                s->name, services->name, s->name);
    ports(s, "    ", "port", out);
}

void kubernetes_text(const Services *services, Text *out)
{
    text_printf(out,
                "# Made by lpc deploy --write kubernetes. The image %s:%s has lpc in PATH and the "
                "package as\n# /package (docs/guide/cluster.md). Then: kubectl apply -f "
                "kubernetes.yaml\n"
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: \"%s\"}\n",
                services->name, services->tag, services->name);
    for (int i = 0; i < services->count; i++) {
        deployment(services, &services->list[i], out);
        service(services, &services->list[i], out);
    }
}
