//! Checks of a kernel's text that need no adapter.

use anygrad_device::{Access, Caps, Launch, Lowered, Operand};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

/// Every launch is a valid WebGPU module whose declarations match its plain data, and translates to SPIR-V,
/// MSL and HLSL.
pub fn check_text(lowered: &Lowered, caps: &Caps) {
    for launch in &lowered.launches {
        let (module, info) = parse(&launch.source);
        check_declarations(launch, &module, caps);
        naga::back::spv::write_vec(&module, &info, &Default::default(), None)
            .unwrap_or_else(|e| panic!("SPIR-V: {e}\n{}", launch.source));
        // Metal 2.0 is the least that wgpu runs on
        let options = naga::back::msl::Options { lang_version: (2, 0), ..Default::default() };
        naga::back::msl::write_string(&module, &info, &options, &Default::default())
            .unwrap_or_else(|e| panic!("MSL: {e}\n{}", launch.source));
        let (mut text, options, pipeline) = (String::new(), Default::default(), Default::default());
        naga::back::hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(&module, &info, None)
            .unwrap_or_else(|e| panic!("HLSL: {e}\n{}", launch.source));
    }
    for (i, bytes) in lowered.scratch.iter().enumerate() {
        assert!(*bytes > 0 && bytes % 4 == 0, "scratch {i} of {bytes} bytes");
    }
}

/// Parses and validates with the capabilities every WebGPU adapter has.
pub fn parse(source: &str) -> (naga::Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|e| panic!("{}\n{source}", e.emit_to_string(source)));
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|e| panic!("{}\n{source}", e.emit_to_string(source)));
    (module, info)
}

fn check_declarations(launch: &Launch, module: &naga::Module, caps: &Caps) {
    let name = format!("{} {}", launch.family, launch.variant);
    let types = module.to_ctx();
    let mut bindings = Vec::new();
    let mut workgroup_bytes = 0;
    for (_, variable) in module.global_variables.iter() {
        match variable.space {
            naga::AddressSpace::Uniform => {
                let size = module.types[variable.ty].inner.size(types);
                assert_eq!(size as usize, 4 * launch.params.len(), "{name}: params");
                assert_eq!(variable.binding.map(|b| (b.group, b.binding)), Some((0, 0)));
            }
            naga::AddressSpace::Storage { access } => {
                let binding = variable.binding.unwrap();
                assert_eq!(binding.group, 0);
                bindings.push((binding.binding, access.contains(naga::StorageAccess::STORE)));
            }
            naga::AddressSpace::WorkGroup => {
                workgroup_bytes += module.types[variable.ty].inner.size(types);
            }
            _ => {}
        }
    }
    bindings.sort_unstable();
    let declared: Vec<(u32, bool)> =
        (1..).zip(&launch.bindings).map(|(i, (_, access))| (i, *access == Access::ReadWrite)).collect();
    assert_eq!(bindings, declared, "{name}: bindings");
    for (operand, access) in &launch.bindings {
        assert!(!(matches!(operand, Operand::Input(_)) && *access == Access::ReadWrite), "{name}");
        let same = launch.bindings.iter().filter(|(o, _)| o == operand);
        let writes = same.clone().filter(|(_, a)| *a == Access::ReadWrite).count();
        assert!(writes == 0 || same.count() == 1, "{name}: {operand:?} is bound twice and written");
    }
    assert!(bindings.len() <= caps.storage_buffers as usize, "{name}: {} bindings", bindings.len());
    assert!(workgroup_bytes <= caps.workgroup_bytes, "{name}: {workgroup_bytes} bytes");
    let entry = module.entry_points.iter().find(|e| e.name == "main").expect("entry point main");
    assert!(entry.workgroup_size.iter().product::<u32>() <= caps.max_threads, "{name}: threads");
    assert!(launch.grid.iter().all(|g| (1..=caps.max_groups).contains(g)), "{name}: {:?}", launch.grid);
}
