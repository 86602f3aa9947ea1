// Products of single rows: a workgroup computes four columns for each ALONG of its threads, which share k and add up
// in workgroup memory, in a fixed order. For real GPUs.
// Workgroups are (split, batch, row, columns), columns fastest. A split sums k over its own chunk.
// Given: ALONG (threads that share k, 4 or 64), STEP (k a thread takes at a time), p.tiles, p.tiles_m, p.tiles_n,
// p.batches and fn over_*(i) for each, p.chunk (a multiple of 16), p.m, p.n, p.k, fn batch_a(i), fn batch_b(i),
// fn row_of_a(base, row), fn advance(sum, base_a, base_b, column, k), fn store(at, column, value).
var<workgroup> partial: array<vec4<f32>, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let index = group.y * groups.x + group.x;
    if index >= p.tiles {
        return;
    }
    let tile_row = over_tiles_n(index);
    let slice = over_tiles_m(tile_row);
    let row = tile_row - slice * p.tiles_m;
    let split = over_batches(slice);
    let batch = slice - split * p.batches;
    // neighbouring threads take neighbouring columns, or, where 64 threads share them, neighbouring k
    let share = thread / (64u / ALONG);
    let column = ((index - tile_row * p.tiles_n) * (64u / ALONG) + thread % (64u / ALONG)) * 4u;
    let base_a = row_of_a(batch_a(batch), row);
    let base_b = batch_b(batch);

    var sum = vec4<f32>();
    let end = min(p.k, (split + 1u) * p.chunk);
    for (var k = split * p.chunk + share * STEP; k < end; k += ALONG * STEP) {
        advance(&sum, base_a, base_b, column, k);
    }
    partial[thread] = sum;
    for (var half = 32u; half >= 64u / ALONG; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            partial[thread] += partial[thread + half];
        }
    }
    if share == 0u {
        store((slice * p.m + row) * p.n + column, column, partial[thread]);
    }
}
