// The gradients' loops, part of loops.h: included there, once for each set of vectors. The formulas stand in reference.c.

static void softmax_backward(const float *p, float *dp, size_t n) {
    const vec mean = v_set1(dot(p, dp, n));
    FOR_EACH_VECTOR(n, v_store(dp + i, v_mul(v_load(p + i), v_sub(v_load(dp + i), mean))),
                    v_store_part(dp + i, v_mul(v_load_part(p + i, left), v_sub(v_load_part(dp + i, left), mean)), left))
}

/// Sum of a b c.
static float dot_3(const float *a, const float *b, const float *c, size_t n) {
    vec sum = v_zero();
    FOR_EACH_VECTOR(n, sum = v_fma(v_mul(v_load(a + i), v_load(b + i)), v_load(c + i), sum),
                    sum = v_fma(v_mul(v_load_part(a + i, left), v_load_part(b + i, left)), v_load_part(c + i, left), sum))
    return v_sum(sum);
}

/// y += s a b.
static void add_product(float s, const float *a, const float *b, float *y, size_t n) {
    const vec scale = v_set1(s);
    FOR_EACH_VECTOR(n, v_store(y + i, v_fma(v_mul(scale, v_load(a + i)), v_load(b + i), v_load(y + i))),
                    v_store_part(y + i, v_fma(v_mul(scale, v_load_part(a + i, left)), v_load_part(b + i, left),
                                              v_load_part(y + i, left)), left))
}

static void rms_norm_backward(const float *x, const float *weight, float eps, const float *dy, float *dx,
                              float *dweight, size_t n) {
    const float scale = 1 / sqrtf(dot(x, x, n) / (float)n + eps);
    const float along = dot_3(x, dy, weight, n) * scale * scale / (float)n;
    add_product(scale, dy, weight, dx, n);
    axpy(-scale * along, x, dx, n);
    if (dweight) add_product(scale, dy, x, dweight, n);
}

static void layer_norm_backward(const float *x, const float *weight, float eps, const float *dy, float *dx,
                                float *dweight, float *dbias, size_t n) {
    const float mean = sum_of(x, n) / (float)n;
    const float scale = 1 / sqrtf(squares_around(mean, x, n) / (float)n + eps);
    const float level = dot(dy, weight, n) / (float)n;
    const float along = (dot_3(dy, weight, x, n) / (float)n - mean * level) * scale;
    const vec m = v_set1(mean), s = v_set1(scale), l = v_set1(level), a = v_set1(along);
    for (size_t i = 0; i < n; i += LANES) {
        const size_t left = n - i < LANES ? n - i : LANES;
        const vec d = v_load_part(dy + i, left), z = v_mul(v_sub(v_load_part(x + i, left), m), s);
        const vec dz = v_sub(v_mul(d, v_load_part(weight + i, left)), l);
        v_store_part(dx + i, v_fma(s, v_fnma(z, a, dz), v_load_part(dx + i, left)), left);
        if (dweight) v_store_part(dweight + i, v_fma(d, z, v_load_part(dweight + i, left)), left);
        if (dbias) v_store_part(dbias + i, v_add(d, v_load_part(dbias + i, left)), left);
    }
}

static void silu_multiply_backward(const float *gate, const float *up, const float *dy, float *dgate, float *dup, size_t n) {
    for (size_t i = 0; i < n; i += LANES) {
        const size_t left = n - i < LANES ? n - i : LANES;
        const vec g = v_load_part(gate + i, left), d = v_load_part(dy + i, left), s = sigmoid(g);
        const vec slope = v_mul(s, v_fma(g, v_sub(v_set1(1), s), v_set1(1)));
        v_store_part(dgate + i, v_mul(v_mul(d, v_load_part(up + i, left)), slope), left);
        v_store_part(dup + i, v_mul(d, v_mul(g, s)), left);
    }
}

/// The derivative of gelu_by_erfc: Φ(x) + x φ(x).
INLINE vec gelu_slope(vec x) {
    const vec size = v_abs(x), bell = v_exp(v_mul(v_mul(x, x), v_set1(-0.5f)));
    const vec t = v_div(v_set1(1), v_fma(size, v_set1(0.3275911f * 0.70710678f), v_set1(1)));
    vec p = v_set1(1.061405429f);
    p = v_fma(p, t, v_set1(-1.453152027f));
    p = v_fma(p, t, v_set1(1.421413741f));
    p = v_fma(p, t, v_set1(-0.284496736f));
    p = v_fma(p, t, v_set1(0.254829592f));
    // Φ(|x|) - 1/2, which takes the sign of x.
    const vec half = v_fnma(v_mul(v_mul(p, t), bell), v_set1(0.5f), v_set1(0.5f));
    const vec sign = v_div(x, v_max(size, v_set1(1e-30f)));
    return v_fma(v_mul(x, v_set1(0.39894228f)), bell, v_fma(sign, half, v_set1(0.5f)));
}

MAP_2(gelu_backward, v_mul(gelu_slope(a), b))

static void adamw(float *w, const float *g, float *m, float *v, size_t n, lk_adamw s) {
    const vec b1 = v_set1(s.beta1), a1 = v_set1(1 - s.beta1), b2 = v_set1(s.beta2), a2 = v_set1(1 - s.beta2);
    for (size_t i = 0; i < n; i += LANES) {
        const size_t left = n - i < LANES ? n - i : LANES;
        const vec old = v_load_part(w + i, left), gradient = v_mul(v_load_part(g + i, left), v_set1(s.g_scale));
        const vec mean = v_fma(b1, v_load_part(m + i, left), v_mul(a1, gradient));
        const vec square = v_fma(b2, v_load_part(v + i, left), v_mul(a2, v_mul(gradient, gradient)));
        const vec step = v_div(v_mul(mean, v_set1(s.m_scale)),
                               v_add(v_sqrt(v_mul(square, v_set1(s.v_scale))), v_set1(s.eps)));
        v_store_part(m + i, mean, left);
        v_store_part(v + i, square, left);
        v_store_part(w + i, v_fnma(v_set1(s.rate), v_fma(v_set1(s.decay), old, step), old), left);
    }
}
