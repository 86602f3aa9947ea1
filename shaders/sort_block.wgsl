// Sorts blocks of BLOCK neighbours: the place of an element is the number of those that come before it.
// Given: GROUP, BLOCK, p.count, p.length, fn slot_row(slot), fn key_at(row, i), fn write(row, i, key, index).
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let slot = (group.y * groups.x + group.x) * GROUP + thread;
    if slot >= p.count {
        return;
    }
    let row = slot_row(slot);
    let i = slot - row * p.length;
    let begin = i - i % BLOCK;
    let end = min(begin + BLOCK, p.length);
    let key = key_at(row, i);
    var rank = begin;
    for (var j = begin; j < end; j++) {
        let other = key_at(row, j);
        // equal elements keep their order
        if other < key || (other == key && j < i) {
            rank++;
        }
    }
    write(row, rank, key, i);
}
