// Convolution as a product of matrices that exist only in workgroup memory: [group channels, taps] by
// [taps, batch * positions], where k runs over the taps of all channels of the group. As in the matrix product
// 256 threads compute a 64x64 tile, 16 k at a time, 4x4 outputs in the registers of each.
// Given: A_ALONG_K (1: neighbouring taps of the weights lie side by side), p.tiles, p.tiles_m, p.tiles_n,
// p.groups, p.positions and fn over_*(i) for these, p.group_channels, p.columns, p.taps, p.chunk (a multiple of 16),
// p.out_split, p.out_n, p.out_c, fn position(i), fn tap(k) -> (channel, z, y, x), fn origin(at), fn gather(base, origin, tap),
// p.x_offset, p.x_n, p.x_group, p.w_o, fn weight(k), w, fn put(i, value).
// A staged row is 17 quads long, not 16, so that threads which write along k meet different banks.
var<workgroup> tile_a: array<vec4<f32>, 272>;
var<workgroup> tile_b: array<vec4<f32>, 272>;

struct Column {
    base: u32,
    origin: vec3<u32>,
}

fn column_at(index: u32, group: u32) -> Column {
    let i = min(index, p.columns - 1u);
    let n = over_positions(i);
    return Column(p.x_offset + n * p.x_n + group * p.x_group, origin(position(i - n * p.positions)));
}

fn weights_at(first: u32, group: u32, k: u32) -> vec4<f32> {
    let at = weight(min(k, p.taps - 1u)) + group * p.group_channels * p.w_o;
    let last = p.group_channels - 1u;
    let value = vec4(
        w[at + min(first, last) * p.w_o],
        w[at + min(first + 1u, last) * p.w_o],
        w[at + min(first + 2u, last) * p.w_o],
        w[at + min(first + 3u, last) * p.w_o],
    );
    return select(vec4<f32>(), value, k < p.taps);
}

fn store(split: u32, group: u32, row: u32, column: u32, value: f32) {
    if row < p.group_channels && column < p.columns {
        let n = over_positions(column);
        let plane = split * p.out_split + n * p.out_n + (group * p.group_channels + row) * p.out_c;
        put(plane + column - n * p.positions, value);
    }
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let tile = workgroup.y * workgroups.x + workgroup.x;
    if tile >= p.tiles {
        return;
    }
    let tile_row = over_tiles_n(tile);
    let first_column = (tile - tile_row * p.tiles_n) * 64u;
    let slice = over_tiles_m(tile_row);
    let first_row = (tile_row - slice * p.tiles_m) * 64u;
    let split = over_groups(slice);
    let group = slice - split * p.groups;

    let high = thread / 16u;
    let low = thread % 16u;
    let quad_of_a = select(low, high, A_ALONG_K == 1u);
    let k_of_a = select(high, low, A_ALONG_K == 1u);
    let column0 = column_at(first_column + 4u * low, group);
    let column1 = column_at(first_column + 4u * low + 1u, group);
    let column2 = column_at(first_column + 4u * low + 2u, group);
    let column3 = column_at(first_column + 4u * low + 3u, group);

    var acc0 = vec4<f32>();
    var acc1 = vec4<f32>();
    var acc2 = vec4<f32>();
    var acc3 = vec4<f32>();
    let end = min(p.taps, (split + 1u) * p.chunk);
    for (var first_k = split * p.chunk; first_k < end; first_k += 16u) {
        tile_a[k_of_a * 17u + quad_of_a] = weights_at(first_row + 4u * quad_of_a, group, first_k + k_of_a);
        let at = tap(min(first_k + high, p.taps - 1u));
        let values = vec4(
            gather(column0.base, column0.origin, at),
            gather(column1.base, column1.origin, at),
            gather(column2.base, column2.origin, at),
            gather(column3.base, column3.origin, at),
        );
        tile_b[high * 17u + low] = select(vec4<f32>(), values, first_k + high < p.taps);
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
    let column = first_column + 4u * low;
    for (var j = 0u; j < 4u; j++) {
        store(split, group, row, column + j, acc0[j]);
        store(split, group, row + 1u, column + j, acc1[j]);
        store(split, group, row + 2u, column + j, acc2[j]);
        store(split, group, row + 3u, column + j, acc3[j]);
    }
}
