/* compose.yaml: each stage in a container that has its folder, the gateway in one that has lpc. */
#include "lib/deploy/services.h"

static void common(Text *out)
{
    text_add(out, "    user: \"65534:65534\"\n"
                  "    read_only: true\n"
                  "    cap_drop: [\"ALL\"]\n"
                  "    security_opt: [\"no-new-privileges:true\"]\n"
                  "    restart: unless-stopped\n"
                  "    stop_grace_period: 5s\n");
}

static void stage(const Service *s, Text *out)
{
    text_printf(out, "  \"%s\":\n    image: debian:stable-slim\n", s->name);
    if (s->platform) text_printf(out, "    platform: linux/%s\n", s->platform);
    text_add(out, "    command: ");
    services_words(s, "/lpc", out);
    text_printf(out, "\n    volumes: [\"./%s:/lpc:ro\"]\n", s->folder);
    common(out);
    text_printf(out, "    expose: [\"%d\"]\n", SERVICE_PORT);
    if (s->memory_bytes) text_printf(out, "    mem_limit: %lld\n", (long long)s->memory_bytes);
    if (s->cores) text_printf(out, "    cpus: %lld\n", (long long)s->cores);
    text_add(out, "    healthcheck:\n      test: [\"CMD\", ");
    Text probe;
    text_init(&probe, out->arena);
    services_probe(&probe);
    text_printf(out, "%s\n", probe.data + 1);
    text_add(out, "      interval: 5s\n      timeout: 2s\n      retries: 3\n\n");
}

static void gateway(const Service *s, Text *out)
{
    text_printf(out, "  \"%s\":\n    image: \"${LPC_IMAGE:-lpc}\"\n    command: ", s->name);
    services_words(s, "/package", out);
    text_add(out, "\n    volumes: [\".:/package:ro\"]\n");
    common(out);
    text_printf(out, "    ports: [\"%d:%d\", \"%d:%d\"]\n", SERVICE_WIRE_PORT, SERVICE_WIRE_PORT,
                SERVICE_HTTP_PORT, SERVICE_HTTP_PORT);
    text_printf(out,
                "    healthcheck:\n"
                "      test: [\"CMD\", \"bash\", \"-c\", \"exec 3<>/dev/tcp/127.0.0.1/%d; echo "
                "'GET /v2/health/ready HTTP/1.0' >&3; echo >&3; grep -q '200 OK' <&3\"]\n"
                "      interval: 5s\n      timeout: 2s\n      retries: 3\n",
                SERVICE_HTTP_PORT);
}

void compose_text(const Services *services, Text *out)
{
    text_printf(
        out,
        "# Made by lpc deploy --write compose. In this folder: docker compose up. Then, from "
        "here:\n# lpc run . --connect localhost:%d (docs/guide/cluster.md)\n"
        "name: \"%s\"\nservices:\n",
        SERVICE_WIRE_PORT, services->name);
    for (int i = 0; i < services->count; i++)
        (services->list[i].folder ? stage : gateway)(&services->list[i], out);
}
