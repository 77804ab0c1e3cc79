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

// Columns ahead at which tokens are asked for: a panel of a wide layer fits in the second-level cache, not in the first.
#define GEMM_AHEAD 8

/// sums[r * sums_step + t] = w_r · x_t; fewer rows than the tile has are computed twice rather than read from beyond the end,
/// and sums has room for all of them. With `asking` the weights of the next tile are asked for: nobody has used them yet.
INLINE void gemm_tile(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const float *x,
                      float *sums, size_t sums_step, const int vecs, const int asking) {
    vec sum[GEMM_ROWS][PANEL_VECS];
    const float *row[GEMM_ROWS];
    _Pragma("clang loop unroll(full)") for (size_t r = 0; r < GEMM_ROWS; r++) {
        row[r] = w + (r < rows ? r : rows - 1) * row_step;
        for (int v = 0; v < vecs; v++) sum[r][v] = v_zero();
    }
    for (size_t k = 0; k < columns; k++) {
        // A row for each column, in turn; 16 columns are a line of the cache, here the second: the first has no room for them.
        if (asking) __builtin_prefetch(w + (GEMM_ROWS + k % GEMM_ROWS) * row_step + (k / 16 * 16 + 8) * column_step, 0, 2);
        _Pragma("clang loop unroll(full)") for (int v = 0; v < vecs; v++)
            __builtin_prefetch(x + ((k + GEMM_AHEAD) * (size_t)vecs + (size_t)v) * LANES);
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
        for (int v = 0; v < vecs; v++) v_store(sums + (size_t)r * sums_step + v * LANES, sum[r][v]);
}

#define TILE(VECS, ASKING) \
    gemm_tile(w, row_step, column_step, rows, columns, x, sums, sums_step, VECS, ASKING)

static void gemm_tiles(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const float *x,
                       size_t vecs, int asking, float *sums, size_t sums_step) {
    switch (2 * vecs + (asking != 0)) {
    case 7: TILE(3, 1); break;
    case 6: TILE(3, 0); break;
    case 5: TILE(2, 1); break;
    case 4: TILE(2, 0); break;
    case 3: TILE(1, 1); break;
    default: TILE(1, 0);
    }
}

/// out[r * width + t] = w_r · x_t + (bias ? bias[r] : 0) for a panel x of `vecs` vectors: packed as x is, so that what a tile
/// has in its registers need not be turned, neither now nor for the next product.
static void gemm_panel(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const float *x,
                       size_t vecs, int asking, const float *bias, float *out) {
    const size_t width = vecs * LANES;
    for (size_t r = 0; r < rows; r += GEMM_ROWS, out += GEMM_ROWS * width) {
        const size_t wanted = rows - r < GEMM_ROWS ? rows - r : GEMM_ROWS;
        const float *from = w + r * row_step;
        if (wanted == GEMM_ROWS) {
            gemm_tiles(from, row_step, column_step, wanted, columns, x, vecs, asking, out, width);
        } else {
            float sums[GEMM_ROWS * PANEL] __attribute__((aligned(64)));
            gemm_tiles(from, row_step, column_step, wanted, columns, x, vecs, asking, sums, width);
            memcpy(out, sums, wanted * width * sizeof *out);
        }
        if (bias)
            for (size_t i = 0; i < wanted; i++) {
                const vec b = v_set1(bias[r + i]);
                for (size_t t = 0; t < width; t += LANES) v_store(out + i * width + t, v_add(v_load(out + i * width + t), b));
            }
    }
}

static void gemm_product_packed(const float *w, size_t row_step, size_t rows, size_t columns, const void *packed, size_t tokens,
                                const float *bias, float *out, size_t out_columns, size_t first_row) {
    for (size_t first = 0; first < tokens; first += PANEL) {
        const size_t vecs = vectors(tokens - first < PANEL ? tokens - first : PANEL);
        gemm_panel(w, row_step, 1, rows, columns, (const float *)packed + first * columns, vecs, first == 0, bias,
                   out + first * out_columns + first_row * vecs * LANES);
    }
}

/// Writes the sums of LANES weights (`rows` of them are wanted) and `count` tokens, turned: a token's results lie together.
static void gemm_write(float (*sums)[PANEL], size_t rows, size_t count, float scale, const float *bias, float *out,
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

// Columns at a time: what a band of weights and a panel of tokens have of them stays in the second-level cache.
#define GEMM_DEPTH 1024

static void gemm_product(const float *w, size_t row_step, size_t column_step, size_t rows, size_t columns, const void *packed,
                         size_t tokens, float scale, const float *bias, float *out, size_t out_stride, int adding) {
    float sums[LANES][PANEL] __attribute__((aligned(64))) = {{0}};
    size_t deep = 0;
    do {
        const size_t depth = columns - deep < GEMM_DEPTH ? columns - deep : GEMM_DEPTH;
        for (size_t first = 0; first < tokens; first += PANEL) {
            const size_t count = tokens - first < PANEL ? tokens - first : PANEL, vecs = vectors(count);
            const float *x = (const float *)packed + first * columns + deep * vecs * LANES;
            float *to = out + first * out_stride;
            for (size_t r = 0; r < rows; r += LANES) {
                const size_t wanted = rows - r < LANES ? rows - r : LANES;
                for (size_t i = 0; i < wanted; i += GEMM_ROWS)
                    gemm_tiles(w + (r + i) * row_step + deep * column_step, row_step, column_step, wanted - i, depth, x, vecs,
                               first == 0, sums[i], PANEL);
                gemm_write(sums, wanted, count, scale, bias && !deep ? bias + r : NULL, to + r, out_stride, adding || deep);
            }
        }
        deep += depth;
    } while (deep < columns);
}
