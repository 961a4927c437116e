/* A program around an emitted model: one call, no allocator, memory that the caller owns. */
#include <digits.h>
#include <stdio.h>
#include <string.h>

static _Alignas(64) unsigned char workspace[DIGITS_WORKSPACE_BYTES + 64];
static _Alignas(64) float pixels[64], probabilities[10];

/* A zero: a ring, 0..16. */
static const char picture[] = "00059200"
                              "00999900"
                              "03900920"
                              "04900760"
                              "05700660"
                              "04900890"
                              "02996990"
                              "00699100";

int main(void)
{
    for (int i = 0; i < 64; i++) pixels[i] = (float)(picture[i] - '0') * 16 / 9;
    const void *in[] = {pixels};
    void *out[] = {probabilities};
    int code = digits_run(in, out, NULL, workspace, NULL, NULL);
    if (code) {
        fprintf(stderr, "digits_run: %d\n", code);
        return 1;
    }
    int best = 0;
    for (int k = 1; k < 10; k++)
        if (probabilities[k] > probabilities[best]) best = k;
    printf("%d %.6f\n", best, (double)probabilities[best]);
    return 0;
}
