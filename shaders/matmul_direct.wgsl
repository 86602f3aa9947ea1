// One thread computes an 8x8 tile in registers, reading memory itself: no workgroup memory, no barriers. For
// software adapters, where a load costs about as much as 16 multiply-adds and a barrier far more.
// A tile takes four k at a time: `Fragment` element 2j + h holds rows (or columns) 4h..4h+3 at k + j.
// A thread's tile is (split, batch, rows, columns), columns fastest; a split sums k over its own chunk.
// Given: alias Tile, Fragment; p.tiles, p.tiles_m, p.tiles_n, p.batches and fn over_*(i) for each, p.chunk (a multiple of 4), p.m, p.n, p.k, fn batch_a(i),
// fn batch_b(i), alias LanesA, LanesB, fn lanes_a(base, row), fn lanes_b(base, column), fn fragment_a(lanes, k),
// fn fragment_b(lanes, k), fn store(at, column, value): four columns from `column` on, those past p.n dropped.
fn outer_product(acc: ptr<function, Tile>, a0: vec4<f32>, a1: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>) {
    (*acc)[0] = fma(vec4(a0.x), b0, (*acc)[0]);
    (*acc)[1] = fma(vec4(a0.x), b1, (*acc)[1]);
    (*acc)[2] = fma(vec4(a0.y), b0, (*acc)[2]);
    (*acc)[3] = fma(vec4(a0.y), b1, (*acc)[3]);
    (*acc)[4] = fma(vec4(a0.z), b0, (*acc)[4]);
    (*acc)[5] = fma(vec4(a0.z), b1, (*acc)[5]);
    (*acc)[6] = fma(vec4(a0.w), b0, (*acc)[6]);
    (*acc)[7] = fma(vec4(a0.w), b1, (*acc)[7]);
    (*acc)[8] = fma(vec4(a1.x), b0, (*acc)[8]);
    (*acc)[9] = fma(vec4(a1.x), b1, (*acc)[9]);
    (*acc)[10] = fma(vec4(a1.y), b0, (*acc)[10]);
    (*acc)[11] = fma(vec4(a1.y), b1, (*acc)[11]);
    (*acc)[12] = fma(vec4(a1.z), b0, (*acc)[12]);
    (*acc)[13] = fma(vec4(a1.z), b1, (*acc)[13]);
    (*acc)[14] = fma(vec4(a1.w), b0, (*acc)[14]);
    (*acc)[15] = fma(vec4(a1.w), b1, (*acc)[15]);
}

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let tile = (group.y * groups.x + group.x) * 8u + thread;
    if tile >= p.tiles {
        return;
    }
    let tile_row = over_tiles_n(tile);
    let column = (tile - tile_row * p.tiles_n) * 8u;
    let slice = over_tiles_m(tile_row);
    let row = (tile_row - slice * p.tiles_m) * 8u;
    let split = over_batches(slice);
    let batch = slice - split * p.batches;
    let lanes_of_a = lanes_a(batch_a(batch), row);
    let lanes_of_b = lanes_b(batch_b(batch), column);

    var acc: Tile;
    let end = min(p.k, (split + 1u) * p.chunk);
    for (var k = split * p.chunk; k < end; k += 4u) {
        let a = fragment_a(lanes_of_a, k);
        let b = fragment_b(lanes_of_b, k);
        outer_product(&acc, a[0], a[1], b[0], b[1]);
        outer_product(&acc, a[2], a[3], b[2], b[3]);
        outer_product(&acc, a[4], a[5], b[4], b[5]);
        outer_product(&acc, a[6], a[7], b[6], b[7]);
    }

    let at = (slice * p.m + row) * p.n + column;
    let rows = p.m - row;
    store(at, column, acc[0]);
    store(at + 4u, column + 4u, acc[1]);
    if rows > 1u { store(at + p.n, column, acc[2]); store(at + p.n + 4u, column + 4u, acc[3]); }
    if rows > 2u { store(at + 2u * p.n, column, acc[4]); store(at + 2u * p.n + 4u, column + 4u, acc[5]); }
    if rows > 3u { store(at + 3u * p.n, column, acc[6]); store(at + 3u * p.n + 4u, column + 4u, acc[7]); }
    if rows > 4u { store(at + 4u * p.n, column, acc[8]); store(at + 4u * p.n + 4u, column + 4u, acc[9]); }
    if rows > 5u { store(at + 5u * p.n, column, acc[10]); store(at + 5u * p.n + 4u, column + 4u, acc[11]); }
    if rows > 6u { store(at + 6u * p.n, column, acc[12]); store(at + 6u * p.n + 4u, column + 4u, acc[13]); }
    if rows > 7u { store(at + 7u * p.n, column, acc[14]); store(at + 7u * p.n + 4u, column + 4u, acc[15]); }
}
