// For each output position j of a line, the last i whose index is j; NONE if there is none. A later dispatch goes
// on from START and keeps what it does not find.
// Given: GROUP, NONE, FIRST (1 in the first dispatch), p.count, p.length, p.start, fn place(slot) -> Place with j,
// fn index_at(place, i), output.
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
    let here = place(slot);
    var found = NONE;
    for (var i = p.length; i > 0u; i--) {
        if index_at(here, i - 1u) == here.j {
            found = p.start + i - 1u;
            break;
        }
    }
    if found != NONE || FIRST == 1u {
        output[slot] = found;
    }
}
