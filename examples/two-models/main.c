/* Two models, one workspace: they run one after the other, so that the larger need is enough. */
#include <digits.h>
#include <smooth.h>
#include <stdio.h>

enum {
    WORKSPACE = DIGITS_WORKSPACE_BYTES > SMOOTH_WORKSPACE_BYTES ? DIGITS_WORKSPACE_BYTES
                                                                : SMOOTH_WORKSPACE_BYTES
};
static _Alignas(64) unsigned char workspace[WORKSPACE + 64];
static _Alignas(64) float drawn[64], pixels[64], probabilities[10];

/* A zero in black and white: the filter gives it the greys that digits was trained on. */
static const char picture[] = "00011000"
                              "00100100"
                              "01000010"
                              "01000010"
                              "01000010"
                              "01000010"
                              "00100100"
                              "00011000";

int main(void)
{
    for (int i = 0; i < 64; i++) drawn[i] = picture[i] == '1' ? 16.0f : 0.0f;
    const void *smooth_in[SMOOTH_INPUTS] = {drawn}, *digits_in[DIGITS_INPUTS] = {pixels};
    void *smooth_out[SMOOTH_OUTPUTS] = {pixels}, *digits_out[DIGITS_OUTPUTS] = {probabilities};
    int code = smooth_run(smooth_in, smooth_out, NULL, workspace, NULL, NULL);
    if (!code) code = digits_run(digits_in, digits_out, NULL, workspace, NULL, NULL);
    if (code) {
        fprintf(stderr, "code %d\n", code);
        return 1;
    }
    int best = 0;
    for (int k = 1; k < 10; k++)
        if (probabilities[k] > probabilities[best]) best = k;
    printf("%d %.6f\n", best, (double)probabilities[best]);
    return 0;
}
