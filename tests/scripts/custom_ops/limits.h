/* Included by acme.c: goes into packages with it. */
#ifndef LIMITS_H
#define LIMITS_H
static inline float limit(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}
#endif
