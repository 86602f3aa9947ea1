// One thread an output element, the reference the other variants are tested against.
// A split sums k over its own chunk; the output is [splits, batch.., m, n].
// Given: GROUP, T, p.count, p.batches, p.chunk, p.m, p.n, p.k, p.a_row, p.a_k, p.b_k, p.b_col, a, b,
// fn batch_a(i), fn batch_b(i), fn put(i, value).
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * GROUP + thread;
    if i >= p.count {
        return;
    }
    let row = i / p.n;
    let slice = row / p.m;
    let split = slice / p.batches;
    let batch = slice - split * p.batches;
    let first = split * p.chunk;
    var at_a = batch_a(batch) + (row - slice * p.m) * p.a_row + first * p.a_k;
    var at_b = batch_b(batch) + (i - row * p.n) * p.b_col + first * p.b_k;
    var sum = T();
    let end = min(p.k, first + p.chunk);
    for (var k = first; k < end; k++) {
        sum += a[at_a] * b[at_b];
        at_a += p.a_k;
        at_b += p.b_k;
    }
    put(i, sum);
}
