/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The elementary functions behind FSIN, FCOS, FSINCOS, FPTAN, FPATAN, FYL2X, FYL2XP1 and F2XM1. Unicorn takes the host's libm, whose last bits depend
   on its version and on the processor; these are made of IEEE additions, multiplications, divisions and square roots alone and
   give the same bits everywhere.
   Not modelled: the 64-bit precision of the instructions; results are good to about 53 bits, as the library's are. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

double __wrap_sin(double x);
double __wrap_cos(double x);
double __wrap_tan(double x);
void __wrap_sincos(double x, double *sine, double *cosine);
double __wrap_atan2(double y, double x);
double __wrap_log(double x);
double __wrap_pow(double base, double exponent);

static const double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45; /* the high part times an exponent is exact */
static const double half_pi = 0x1.921fb54442d18p+0, pi_value = 0x1.921fb54442d18p+1;

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double infinity(void)
{
    return from_bits(0x7ffull << 52);
}

static double not_a_number(void)
{
    return from_bits(0x7ff8ull << 48);
}

static bool is_finite(double x)
{
    return (bits_of(x) >> 52 & 0x7ff) != 0x7ff;
}

/* 2 to the n, n from -1022 to 1023. */
static double power_of_two(int n)
{
    return from_bits((uint64_t)(n + 1023) << 52);
}

/* Sum of x^(2i+first) / (2i+first)! with alternating signs: sine from 1, cosine from 0. */
static double circular_series(double x, unsigned first)
{
    const double square = x * x;
    double sum = 1;
    for (unsigned n = 22 + first; n > first + 1; n -= 2)
        sum = 1 - square * sum / (double)(n * (n - 1));
    return first == 1 ? x * sum : sum;
}

/* x = quadrant * pi/2 + high + low, by the processor's own pi of 66 bits (SDM 1, "Approximation of Pi"): exact integers in units of
   2^-65. Arguments are finite and below 2^63. */
struct reduced {
    unsigned quadrant;
    double high, low;
};

static struct reduced reduce(double x)
{
    const unsigned __int128 quarter = (unsigned __int128)3 << 64 | 0x243f6a8885a308d3; /* pi/2 */
    const uint64_t bits = bits_of(x);
    const int exponent = (int)(bits >> 52 & 0x7ff) - 1075 + 65;
    if (exponent < 65 - 53)
        return (struct reduced){0, x, 0};
    unsigned __int128 rest = (bits & 0xfffffffffffff) | 1ull << 52;
    for (int i = 0; i < exponent; i++)
        rest = rest * 2 % (4 * quarter);
    unsigned quadrant = (unsigned)(rest / quarter);
    __int128 difference = (__int128)(rest % quarter);
    if (difference > (__int128)(quarter / 2)) {
        difference -= (__int128)quarter;
        quadrant++;
    }
    const double high = (double)difference;
    const double low = (double)(difference - (__int128)high);
    const double sign = bits >> 63 ? -0x1p-65 : 0x1p-65;
    return (struct reduced){bits >> 63 ? 4 - (quadrant & 3) : quadrant & 3, high * sign, low * sign};
}

void __wrap_sincos(double x, double *sine, double *cosine)
{
    if (!is_finite(x) || x >= 0x1p63 || x <= -0x1p63) {
        *sine = *cosine = not_a_number();
        return;
    }
    const struct reduced r = reduce(x);
    const double s0 = circular_series(r.high, 1), c0 = circular_series(r.high, 0);
    const double s = s0 + r.low * c0, c = c0 - r.low * s0;
    *sine = r.quadrant & 1 ? c : s;
    *cosine = r.quadrant & 1 ? s : c;
    if (r.quadrant & 2)
        *sine = -*sine;
    if ((r.quadrant + 1) & 2)
        *cosine = -*cosine;
}

double __wrap_sin(double x)
{
    double sine, cosine;
    __wrap_sincos(x, &sine, &cosine);
    return sine;
}

double __wrap_cos(double x)
{
    double sine, cosine;
    __wrap_sincos(x, &sine, &cosine);
    return cosine;
}

double __wrap_tan(double x)
{
    double sine, cosine;
    __wrap_sincos(x, &sine, &cosine);
    return sine / cosine;
}

/* Correctly rounded, as SSE2 has it. */
static double square_root(double x)
{
    double root;
    __asm__("sqrtsd %1, %0" : "=x"(root) : "x"(x));
    return root;
}

/* For 0 <= x <= 1: the angle is halved twice, then its series converges fast. */
static double arc_tangent(double x)
{
    for (unsigned i = 0; i < 2; i++)
        x = x / (1 + square_root(1 + x * x));
    const double square = x * x;
    double sum = 0;
    for (unsigned n = 27; n >= 3; n -= 2)
        sum = square * (1 / (double)n - sum);
    return 4 * (x - x * sum);
}

double __wrap_atan2(double y, double x)
{
    const bool left = bits_of(x) >> 63 != 0, below = bits_of(y) >> 63 != 0;
    if (x != x || y != y)
        return not_a_number();
    const double width = left ? -x : x, height = below ? -y : y;
    double angle;
    if (!is_finite(width) && !is_finite(height))
        angle = half_pi / 2;
    else if (height <= width)
        angle = width == 0 ? 0 : arc_tangent(height / width);
    else
        angle = half_pi - arc_tangent(width / height);
    if (left)
        angle = pi_value - angle;
    return below ? -angle : angle;
}

double __wrap_log(double x)
{
    if (x != x || x < 0)
        return not_a_number();
    if (x == 0)
        return -infinity();
    if (!is_finite(x))
        return x;
    int exponent = 0;
    if (bits_of(x) >> 52 == 0) {
        x *= 0x1p54;
        exponent = -54;
    }
    exponent += (int)(bits_of(x) >> 52) - 1023;
    double mantissa = from_bits((bits_of(x) & 0xfffffffffffff) | 1023ull << 52);
    if (mantissa > 0x1.6a09e667f3bcdp+0) {
        mantissa /= 2;
        exponent++;
    }
    /* log m = 2 artanh((m-1)/(m+1)) */
    const double ratio = (mantissa - 1) / (mantissa + 1), square = ratio * ratio;
    double sum = 0;
    for (unsigned n = 25; n >= 3; n -= 2)
        sum = square * (1 / (double)n + sum);
    return exponent * ln2_high + (2 * ratio + (2 * ratio * sum + exponent * ln2_low));
}

/* e to the x for |x| <= 0.35, one less. */
static double small_exponential_minus_one(double x)
{
    double sum = 1;
    for (unsigned n = 18; n > 1; n--)
        sum = 1 + x * sum / (double)n;
    return x * sum;
}

double __wrap_pow(double base, double exponent)
{
    const double power = base == 2 ? exponent : exponent * (__wrap_log(base) / (ln2_high + ln2_low));
    if (power != power)
        return power;
    if (power >= 1024)
        return infinity();
    if (power <= -1075)
        return 0;
    const int whole = (int)(power + (power < 0 ? -0.5 : 0.5));
    const double value = 1 + small_exponential_minus_one((power - whole) * (ln2_high + ln2_low));
    if (whole < -1000)
        return value * power_of_two(whole + 200) * power_of_two(-200);
    return whole > 1000 ? value * power_of_two(whole - 100) * power_of_two(100) : value * power_of_two(whole);
}
