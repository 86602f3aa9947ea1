//! A device that is gone answers so everywhere: no panic, no wait without end. And others go on.

mod runtime_support;

use anygrad_device::{DeviceError, Options, Param, Plan};
use runtime_support::{ADD, bytes, fresh, gpu, launch, step, words};

fn is_lost<T>(result: Result<T, DeviceError>) -> bool {
    match result {
        Err(DeviceError::Lost { message }) => !message.is_empty(),
        _ => false,
    }
}

#[test]
fn a_lost_device_says_so_everywhere() {
    let Some(_) = gpu() else { return };
    for guard_bands in [false, true] {
        let gpu = fresh(&Options::default().guard_bands(guard_bands));
        let add = || step(launch(ADD, &[Param::Word(4), Param::Word(1)], 1), &[0, 1]);
        let plan = Plan::new(&gpu, vec![add()]).unwrap();
        let buffers = [gpu.upload(&[0; 16]).unwrap(), gpu.alloc(16).unwrap()];
        plan.run(&buffers, &[]).unwrap();
        let under_way = gpu.read_async(&buffers[1], 16);
        gpu.destroy();
        let late = pollster::block_on(under_way);
        assert!(late.is_ok() || is_lost(late));
        assert!(is_lost(gpu.alloc(16)) && is_lost(gpu.alloc(0)));
        assert!(is_lost(gpu.upload(&[1; 16])));
        assert!(is_lost(gpu.write(&buffers[0], &[1; 16])));
        assert!(is_lost(gpu.read(&buffers[0], 16)));
        assert!(is_lost(pollster::block_on(gpu.read_async(&buffers[0], 16))));
        assert!(is_lost(gpu.wait()));
        assert!(is_lost(gpu.check_guards()));
        assert!(is_lost(plan.run(&buffers, &[])));
        assert!(is_lost(plan.run_timed(&buffers, &[])) || !gpu.limits().timestamps);
        assert!(is_lost(Plan::new(&gpu, vec![add()])));
        drop((plan, buffers));
        gpu.trim();
        gpu.destroy();
        assert_eq!(gpu.memory().live_bytes, 0);
    }
    // Opened anew, work goes on.
    let gpu = fresh(&Options::default());
    let buffer = gpu.upload(&bytes(&[1, 2])).unwrap();
    assert_eq!(words(&gpu.read(&buffer, 8).unwrap()), [1, 2]);
}

#[test]
fn a_device_lost_in_the_midst_of_work_stops_every_thread() {
    let Some(_) = gpu() else { return };
    let gpu = fresh(&Options::default());
    let n = 10_000_u32;
    let add = launch(ADD, &[Param::Word(n), Param::Word(1)], n.div_ceil(64));
    let plan = Plan::new(&gpu, vec![step(add, &[0, 1])]).unwrap();
    std::thread::scope(|scope| {
        for reads in [true, false, true] {
            let (gpu, plan) = (&gpu, &plan);
            scope.spawn(move || {
                let work = || -> Result<(), DeviceError> {
                    let buffers = [gpu.upload(&vec![0; 4 * n as usize])?, gpu.alloc(4 * n as usize)?];
                    plan.run(&buffers, &[])?;
                    if reads { gpu.read(&buffers[1], 4).map(|_| ()) } else { Ok(()) }
                };
                let error = loop {
                    if let Err(error) = work() {
                        break error;
                    }
                };
                assert!(matches!(error, DeviceError::Lost { .. }), "{error}");
            });
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        gpu.destroy();
    });
}
