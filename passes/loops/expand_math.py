#!/usr/bin/env python3
"""Makes the polynomial coefficients of expand_math.c: weighted least squares on Chebyshev nodes,
reweighted until the error is level (Lawson), in 60 digits. Needs mpmath. Run: expand_math.py"""
from mpmath import mp, mpf, cos, pi, exp, expm1, log, log1p, erf, erfc, sqrt, matrix, lu_solve

mp.dps = 60


def fit(name, f, lo, hi, degree, weight=lambda x: mpf(1), nodes=160, rounds=60):
    lo, hi = mpf(lo), mpf(hi)
    xs = [(lo + hi) / 2 + (hi - lo) / 2 * cos(pi * (2 * i + 1) / (2 * nodes)) for i in range(nodes)]
    ys = [f(x) for x in xs]
    ws = [weight(x) for x in xs]
    law = [mpf(1)] * nodes
    n = degree + 1
    for _ in range(rounds):
        a, b = matrix(n, n), matrix(n, 1)
        for x, y, w, l in zip(xs, ys, ws, law):
            row = [x ** k for k in range(n)]
            for i in range(n):
                b[i] += l * w * w * row[i] * y
                for k in range(n):
                    a[i, k] += l * w * w * row[i] * row[k]
        c = lu_solve(a, b)
        errors = [abs((sum(c[k] * x ** k for k in range(n)) - y) * w) for x, y, w in zip(xs, ys, ws)]
        law = [l * e for l, e in zip(law, errors)]
        total = sum(law)
        law = [l * nodes / total for l in law]
    print(f"/* {name}: error {mp.nstr(max(errors), 3)} */")
    print("    {" + ", ".join(mp.nstr(c[k], 10) for k in range(degree, -1, -1)) + "}")


def exp_tail(r):
    return (exp(r) - 1 - r) / r ** 2 if r else mpf(1) / 2


def log_tail(f):
    return (log1p(f) - f + f * f / 2) / f ** 3 if f else mpf(1) / 3


half = log(mpf(2)) / 2
# relative to expm1(r)
fit("(exp(r) - 1 - r) / r^2", exp_tail, -half * 1.01, half * 1.01, 5,
    lambda r: abs(r * r / expm1(r)) if r else mpf(0))
fit("(log1p(f) - f + f^2/2) / f^3", log_tail, sqrt(mpf(1) / 2) - 1, sqrt(mpf(2)) - 1, 8,
    lambda f: abs(f ** 3 / log1p(f)) if f else mpf(0))
fit("erf(x)/x - 1 by s = x^2", lambda s: erf(sqrt(s)) / sqrt(s) - 1, mpf("1e-12"), "0.86", 5,
    lambda s: sqrt(s) / erf(sqrt(s)))
# 1 - exp(-t - t p(t)): the error of p counts with the derivative of the result
fit("-log(erfc(t))/t - 1", lambda t: -log(erfc(t)) / t - 1, "0.92", "4", 6,
    lambda t: t * erfc(t) / erf(t))
