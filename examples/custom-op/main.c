/* A model with an operator of our own in a C program: signals of up to 64 samples, no allocator. */
#include <sensor.h>
#include <stdio.h>

static _Alignas(64) unsigned char workspace[SENSOR_WORKSPACE_BYTES + 64];
static _Alignas(64) float signal[64], scaled[64];
static _Alignas(64) int32_t spikes;

int main(void)
{
    for (int i = 0; i < 40; i++) signal[i] = (float)(i % 20);
    signal[7] = 500; /* a spike */
    signal[25] = -500;
    const void *in[] = {signal};
    void *out[] = {scaled, &spikes};
    int64_t sizes[SENSOR_SIZES] = {0};
    sizes[SENSOR_SIZE_N] = 40;
    int code = sensor_run(in, out, sizes, workspace, NULL, NULL);
    if (code) {
        fprintf(stderr, "sensor_run: %d\n", code);
        return 1;
    }
    printf("%d samples changed, y[7] = %.4f, y[25] = %.4f\n", (int)spikes, (double)scaled[7],
           (double)scaled[25]);
    return 0;
}
