// A workgroup of 256 threads computes a 64x64 tile: 16 k of both operands at a time go through workgroup
// memory, and each thread keeps 4x4 outputs in registers. For real GPUs.
// A row of the staged tiles is 17 quads long, not 16, so that threads which write along k meet different banks.
// Given: A_ALONG_K, B_ALONG_K (1: neighbouring k lie side by side, so neighbouring threads read along k),
// p.tiles, p.tiles_m, p.tiles_n, p.batches and fn over_*(i) for each, p.chunk (a multiple of 16), p.m, p.n, p.k, fn batch_a(i), fn batch_b(i),
// fn quad_a(base, row, k), fn quad_b(base, column, k): four rows or columns at one k, 0 from k = p.k on,
// fn store(at, column, value): four columns from `column` on, those past p.n dropped.
var<workgroup> tile_a: array<vec4<f32>, 272>;
var<workgroup> tile_b: array<vec4<f32>, 272>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let tile = group.y * groups.x + group.x;
    if tile >= p.tiles {
        return;
    }
    let tile_row = over_tiles_n(tile);
    let tile_column = (tile - tile_row * p.tiles_n) * 64u;
    let slice = over_tiles_m(tile_row);
    let first_row = (tile_row - slice * p.tiles_m) * 64u;
    let split = over_batches(slice);
    let batch = slice - split * p.batches;
    let base_a = batch_a(batch);
    let base_b = batch_b(batch);

    let high = thread / 16u;
    let low = thread % 16u;
    let quad_of_a = select(low, high, A_ALONG_K == 1u);
    let k_of_a = select(high, low, A_ALONG_K == 1u);
    let quad_of_b = select(low, high, B_ALONG_K == 1u);
    let k_of_b = select(high, low, B_ALONG_K == 1u);

    var acc0 = vec4<f32>();
    var acc1 = vec4<f32>();
    var acc2 = vec4<f32>();
    var acc3 = vec4<f32>();
    let end = min(p.k, (split + 1u) * p.chunk);
    for (var first_k = split * p.chunk; first_k < end; first_k += 16u) {
        tile_a[k_of_a * 17u + quad_of_a] = quad_a(base_a, first_row + 4u * quad_of_a, first_k + k_of_a);
        tile_b[k_of_b * 17u + quad_of_b] = quad_b(base_b, tile_column + 4u * quad_of_b, first_k + k_of_b);
        workgroupBarrier();
        for (var k = 0u; k < 16u; k++) {
            let a = tile_a[k * 17u + high];
            let b = tile_b[k * 17u + low];
            acc0 = fma(vec4(a.x), b, acc0);
            acc1 = fma(vec4(a.y), b, acc1);
            acc2 = fma(vec4(a.z), b, acc2);
            acc3 = fma(vec4(a.w), b, acc3);
        }
        workgroupBarrier();
    }

    let row = first_row + 4u * high;
    let column = tile_column + 4u * low;
    let at = (slice * p.m + row) * p.n + column;
    if row < p.m { store(at, column, acc0); }
    if row + 1u < p.m { store(at + p.n, column, acc1); }
    if row + 2u < p.m { store(at + 2u * p.n, column, acc2); }
    if row + 3u < p.m { store(at + 3u * p.n, column, acc3); }
}
