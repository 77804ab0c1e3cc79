// Attention of many queries, once for every instruction set (see loops_gemm.h). A panel of queries by all keys, packed: the
// scores lie as the products leave and take them, and softmax goes along the lanes, a query each.

static size_t attend_floats(size_t size, size_t keys) { return PANEL * (size + keys); }

/// In place: e^(scale * (score - the query's largest)) for keys [keys][width], and 1 / sum in `inverse` [width].
static void softmax_of_lanes(float *scores, size_t keys, size_t width, float scale, float *inverse) {
    const vec s = v_set1(scale);
    for (size_t t = 0; t < width; t += LANES) {
        vec top = v_set1(-FLT_MAX), sum = v_zero();
        for (size_t j = 0; j < keys; j++) top = v_max(top, v_load(scores + j * width + t));
        for (size_t j = 0; j < keys; j++) {
            const vec e = v_exp(v_mul(v_sub(v_load(scores + j * width + t), top), s));
            v_store(scores + j * width + t, e);
            sum = v_add(sum, e);
        }
        v_store(inverse + t, v_div(v_set1(1), sum));
    }
}

static void attend(const lk_attention *a, const float *q, size_t q_stride, size_t tokens, float *scratch, float *out,
                   size_t out_stride) {
    float sums[LANES][PANEL] __attribute__((aligned(64))) = {{0}}, inverse[PANEL] __attribute__((aligned(64)));
    float *const packed = scratch, *const scores = scratch + a->size * PANEL;
    for (size_t first = 0; first < tokens; first += PANEL) {
        const size_t count = tokens - first < PANEL ? tokens - first : PANEL, vecs = vectors(count), width = vecs * LANES;
        // The first query sees `whole` keys, and each sees one more than the one before it.
        const size_t whole = a->seen + (a->causal ? first : 0), keys = whole + (a->causal ? count - 1 : 0);
        gemm_pack(q + first * q_stride, q_stride, count, a->size, 0, packed);
        gemm_panel(a->keys, a->key_stride, 1, keys, a->size, packed, vecs, 0, NULL, scores);
        for (size_t j = whole; j < keys; j++)
            for (size_t t = 0; t <= j - whole; t++) scores[j * width + t] = -INFINITY;
        softmax_of_lanes(scores, keys, width, a->scale, inverse);
        for (size_t d = 0; d < a->size; d += LANES) {
            const size_t wanted = a->size - d < LANES ? a->size - d : LANES;
            for (size_t i = 0; i < wanted; i += GEMM_ROWS)
                gemm_tiles(a->values + d + i, 1, a->value_stride, wanted - i, keys, scores, vecs, 0, sums[i], PANEL);
            for (size_t r = 0; r < wanted; r++)
                for (size_t t = 0; t < width; t += LANES) v_store(sums[r] + t, v_mul(v_load(sums[r] + t), v_load(inverse + t)));
            gemm_write(sums, wanted, count, a->factor, NULL, out + first * out_stride + d, out_stride, a->adding);
        }
    }
}
