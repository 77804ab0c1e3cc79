// Products of many tokens, once for every instruction set (see loops.h). x is packed in panels: the values of 3 LANES tokens
// for a column, then those for the next. A tile of GEMM_ROWS weights by a panel keeps its sums in registers; for each column
// it takes one value of each weight and a few vectors of tokens.
#define PANEL_VECS 3
#define PANEL (PANEL_VECS * LANES)

/// Vectors that hold `tokens` tokens.
INLINE size_t vectors(size_t tokens) { return (tokens + LANES - 1) / LANES; }

static size_t gemm_bytes(size_t tokens, size_t columns) { return vectors(tokens) * LANES * columns * sizeof(float); }

static void gemm_pack(const float *x, size_t x_stride, size_t tokens, size_t columns, size_t panel, void *packed) {
    const size_t first = panel * PANEL, count = tokens - first < PANEL ? tokens - first : PANEL;
    const size_t width = vectors(count) * LANES;
    float *to = (float *)packed + first * columns;
    for (size_t t = 0; t < width; t += LANES)
        for (size_t c = 0; c < columns; c += LANES) {
            const size_t n = columns - c < LANES ? columns - c : LANES;
            vec v[LANES];
            for (size_t i = 0; i < LANES; i++) {
                const float *from = x + (first + t + i) * x_stride + c;
                v[i] = t + i >= count ? v_zero() : n == LANES ? v_load(from) : v_load_part(from, n);
            }
            v_transpose(v);
            for (size_t i = 0; i < n; i++) v_store(to + (c + i) * width + t, v[i]);
        }
}

/// sums[r][t] = w_r · x_t; fewer rows than the tile has are computed twice rather than read from beyond the end.
INLINE void gemm_tile(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const float *x,
                      float (*sums)[PANEL], const int vecs) {
    vec sum[GEMM_ROWS][PANEL_VECS];
    const float *row[GEMM_ROWS];
    _Pragma("clang loop unroll(full)") for (size_t r = 0; r < GEMM_ROWS; r++) {
        row[r] = w + (r < rows ? r : rows - 1) * row_step;
        for (int v = 0; v < vecs; v++) sum[r][v] = v_zero();
    }
    for (size_t k = 0; k < columns; k++) {
        vec tokens[PANEL_VECS];
        _Pragma("clang loop unroll(full)") for (int v = 0; v < vecs; v++)
            tokens[v] = v_load(x + (k * (size_t)vecs + (size_t)v) * LANES);
        _Pragma("clang loop unroll(full)") for (int r = 0; r < GEMM_ROWS; r++) {
            const vec weight = v_set1(row[r][k * column_step]);
            _Pragma("clang loop unroll(full)") for (int v = 0; v < vecs; v++)
                sum[r][v] = v_fma(weight, tokens[v], sum[r][v]);
        }
    }
    _Pragma("clang loop unroll(full)") for (int r = 0; r < GEMM_ROWS; r++)
        for (int v = 0; v < vecs; v++) v_store(sums[r] + v * LANES, sum[r][v]);
}

/// Writes the sums of LANES weights (`rows` of them are wanted) and `count` tokens, turned: a token's results lie together.
INLINE void gemm_write(float (*sums)[PANEL], size_t rows, size_t count, float scale, const float *bias, float *out,
                       size_t out_stride, int adding) {
    const vec s = v_set1(scale), b = !bias ? v_zero() : rows == LANES ? v_load(bias) : v_load_part(bias, rows);
    for (size_t t = 0; t < count; t += LANES) {
        vec v[LANES];
        for (size_t r = 0; r < LANES; r++) v[r] = v_load(sums[r] + t);
        v_transpose(v);
        for (size_t i = 0; i < LANES && t + i < count; i++) {
            float *to = out + (t + i) * out_stride;
            vec result = v_fma(s, v[i], b);
            if (adding) result = v_add(result, rows == LANES ? v_load(to) : v_load_part(to, rows));
            if (rows == LANES) v_store(to, result);
            else v_store_part(to, result, rows);
        }
    }
}

static void gemm_product(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const void *packed,
                         size_t tokens, float scale, const float *bias, float *out, size_t out_stride, int adding) {
    float sums[LANES][PANEL] __attribute__((aligned(64))) = {{0}};
    for (size_t first = 0; first < tokens; first += PANEL) {
        const size_t count = tokens - first < PANEL ? tokens - first : PANEL;
        const float *x = (const float *)packed + first * columns;
        for (size_t r = 0; r < rows; r += LANES) {
            const size_t wanted = rows - r < LANES ? rows - r : LANES;
            for (size_t i = 0; i < wanted; i += GEMM_ROWS) {
                const float *from = w + (r + i) * row_step;
                switch (vectors(count)) {
                case 3: gemm_tile(from, row_step, column_step, wanted - i, columns, x, sums + i, 3); break;
                case 2: gemm_tile(from, row_step, column_step, wanted - i, columns, x, sums + i, 2); break;
                default: gemm_tile(from, row_step, column_step, wanted - i, columns, x, sums + i, 1);
                }
            }
            gemm_write(sums, wanted, count, scale, bias ? bias + r : NULL, out + first * out_stride + r, out_stride, adding);
        }
    }
}
