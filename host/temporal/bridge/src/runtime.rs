//! The runtime: one per process, with core's threads.

use crate::ffi::{fail, guard, guard_unit, put, Bytes, Status, ABI_VERSION};
use crate::log::{Forward, LogFn};
use crate::meter::Meter;
use std::ffi::c_void;
use std::sync::Arc;
use temporalio_common::telemetry::{set_trace_subscriber_for_current_thread, Logger, TelemetryOptions};
use temporalio_sdk_core::{CoreRuntime, RuntimeOptions, TokioRuntimeBuilder};

#[repr(C)]
pub struct Options {
    abi_version: u32,
    io_threads: u32,
    log: Option<LogFn>,
    log_context: *mut c_void,
    metrics: u32,
}

pub struct Runtime {
    pub core: CoreRuntime,
    meter: Option<Meter>,
}

impl Runtime {
    /// Core's subscriber is per thread: without this, what a C thread logs inside core is lost.
    pub fn adopt_thread(&self) {
        if let Some(subscriber) = self.core.telemetry().trace_subscriber() {
            set_trace_subscriber_for_current_thread(subscriber);
        }
    }
}

fn build(options: &Options) -> Result<Runtime, String> {
    // Levels below warnings print activations, payloads included.
    let logger = options.log.map(|function| Logger::Push {
        filter: "warn".to_string(),
        consumer: Arc::new(Forward { function, context: options.log_context as usize }),
    });
    let telemetry = TelemetryOptions::builder().maybe_logging(logger).build();
    let runtime_options = RuntimeOptions::builder()
        .telemetry_options(telemetry)
        .heartbeat_interval(None)
        .disable_environment_info(true)
        .build()?;
    let mut tokio = TokioRuntimeBuilder::default();
    tokio.inner.worker_threads(options.io_threads.max(1) as usize);
    tokio.inner.max_blocking_threads(4);
    tokio.inner.thread_name("temporal-io");
    let mut core = CoreRuntime::new(runtime_options, tokio).map_err(|e| e.to_string())?;
    let meter = (options.metrics != 0).then(Meter::default);
    if let Some(meter) = &meter {
        core.telemetry_mut().attach_late_init_metrics(Arc::new(meter.clone()));
    }
    Ok(Runtime { core, meter })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_runtime_new(options: *const Options, ret: *mut *mut Arc<Runtime>, err: *mut Bytes) -> Status {
    guard(|| {
        let options = &*options;
        if options.abi_version != ABI_VERSION {
            return fail(err, Status::Einval, "header and library differ");
        }
        // A caught panic's text could hold values; the caller learns of it by the status.
        std::panic::set_hook(Box::new(|_| {}));
        match build(options) {
            Ok(runtime) => {
                ret.write(Box::into_raw(Box::new(Arc::new(runtime))));
                Status::Ok
            }
            Err(reason) => fail(err, Status::Einternal, reason),
        }
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_runtime_free(runtime: *mut Arc<Runtime>) {
    guard_unit(|| {
        if !runtime.is_null() {
            drop(Box::from_raw(runtime));
        }
    });
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_runtime_metrics(runtime: *const Arc<Runtime>, ret: *mut Bytes) -> Status {
    guard(|| {
        let runtime = &*runtime;
        let text = runtime.meter.as_ref().map_or(String::new(), Meter::text);
        put(ret, text.into_bytes());
        Status::Ok
    })
}
