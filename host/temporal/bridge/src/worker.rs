//! Workers: real ones, and the one that replays histories in tests.

use crate::client::Client;
use crate::ffi::{fail, guard, guard_unit, put, slice, text, Bytes, Status};
use crate::runtime::Runtime;
use prost::Message;
use std::ffi::{c_char, c_void};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;
use temporalio_common::protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_common::protos::coresdk::{ActivityHeartbeat, ActivityTaskCompletion};
use temporalio_common::protos::temporal::api::history::v1::History;
use temporalio_common::worker::WorkerTaskTypes;
use temporalio_sdk_core::replay::{HistoryFeeder, HistoryForReplay, ReplayWorkerInput};
use temporalio_sdk_core::{
    init_replay_worker, init_worker, PollError, PollerBehavior, Worker as CoreWorker, WorkerConfig, WorkerVersioningStrategy,
};
use tokio::sync::Mutex;

/// Without a build id the server updates the workflow's visibility twice as often.
const BUILD_ID: &str = concat!("cmaw-", env!("CARGO_PKG_VERSION"));

#[repr(C)]
pub struct Options {
    ns: *const c_char,
    task_queue: *const c_char,
    enable_workflows: u32,
    enable_activities: u32,
    max_cached_workflows: u32,
    max_workflow_tasks: u32,
    max_activities: u32,
    workflow_pollers: u32,
    activity_pollers: u32,
    sticky_timeout_ms: u32,
    grace_ms: u64,
}

pub struct Worker {
    runtime: Arc<Runtime>,
    core: std::sync::Mutex<Option<Arc<CoreWorker>>>,
    // Core wants one caller of each poll at a time.
    activations: Mutex<()>,
    activities: Mutex<()>,
}

pub struct Feeder {
    runtime: Arc<Runtime>,
    core: HistoryFeeder,
}

impl Worker {
    fn new(runtime: Arc<Runtime>, core: CoreWorker) -> Self {
        Worker {
            runtime,
            core: std::sync::Mutex::new(Some(Arc::new(core))),
            activations: Mutex::new(()),
            activities: Mutex::new(()),
        }
    }

    /// The worker, unless it was finalized.
    fn core(&self) -> Option<Arc<CoreWorker>> {
        self.runtime.adopt_thread();
        self.core.lock().ok()?.clone()
    }
}

unsafe fn config(options: &Options) -> Result<WorkerConfig, String> {
    WorkerConfig::builder()
        .namespace(text(options.ns).ok_or("no namespace")?.to_string())
        .task_queue(text(options.task_queue).ok_or("no task queue")?.to_string())
        .task_types(WorkerTaskTypes {
            enable_workflows: options.enable_workflows != 0,
            enable_local_activities: false,
            enable_remote_activities: options.enable_activities != 0,
            enable_nexus: false,
        })
        .max_cached_workflows(options.max_cached_workflows as usize)
        .max_outstanding_workflow_tasks(options.max_workflow_tasks.max(2) as usize)
        // Histories of runs that are not in the cache are large when the runs are: one after the other.
        .fetching_concurrency(1)
        .max_outstanding_activities(options.max_activities.max(1) as usize)
        .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(options.workflow_pollers.max(2) as usize))
        .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(options.activity_pollers.max(1) as usize))
        .sticky_queue_schedule_to_start_timeout(Duration::from_millis(options.sticky_timeout_ms.max(1).into()))
        .graceful_shutdown_period(Duration::from_millis(options.grace_ms))
        .versioning_strategy(WorkerVersioningStrategy::None { build_id: BUILD_ID.to_owned() })
        .build()
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_new(client: *const Client, options: *const Options, ret: *mut *mut Worker, err: *mut Bytes) -> Status {
    guard(|| {
        let client = &*client;
        client.runtime.adopt_thread();
        let config = match config(&*options) {
            Ok(config) => config,
            Err(reason) => return fail(err, Status::Einval, reason),
        };
        let handle = client.runtime.core.tokio_handle();
        let _entered = handle.enter();
        let core = match init_worker(&client.runtime.core, config, client.connection.clone()) {
            Ok(core) => core,
            Err(reason) => return fail(err, Status::Einval, reason),
        };
        // On failure core is dropped here, inside the runtime: finalize would wait for ever.
        match handle.block_on(core.validate()) {
            Ok(_) => {
                ret.write(Box::into_raw(Box::new(Worker::new(client.runtime.clone(), core))));
                Status::Ok
            }
            Err(reason) => fail(err, Status::Econnect, reason),
        }
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_replay_worker_new(
    runtime: *const Arc<Runtime>,
    options: *const Options,
    ret: *mut *mut Worker,
    ret_feeder: *mut *mut Feeder,
    err: *mut Bytes,
) -> Status {
    guard(|| {
        let runtime = (*runtime).clone();
        runtime.adopt_thread();
        let config = match config(&*options) {
            Ok(config) => config,
            Err(reason) => return fail(err, Status::Einval, reason),
        };
        let handle = runtime.core.tokio_handle();
        let _entered = handle.enter();
        let (feeder, stream) = HistoryFeeder::new(1);
        let core = match init_replay_worker(ReplayWorkerInput::new(config, stream)) {
            Ok(core) => core,
            Err(reason) => return fail(err, Status::Einval, reason),
        };
        if let Err(reason) = handle.block_on(core.validate()) {
            return fail(err, Status::Einval, reason);
        }
        ret_feeder.write(Box::into_raw(Box::new(Feeder { runtime: runtime.clone(), core: feeder })));
        ret.write(Box::into_raw(Box::new(Worker::new(runtime, core))));
        Status::Ok
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_feeder_feed(feeder: *const Feeder, workflow_id: *const c_char, history: *const u8, history_len: usize) -> Status {
    guard(|| {
        let feeder = &*feeder;
        let (Some(workflow_id), Ok(history)) = (text(workflow_id), History::decode(slice(history, history_len))) else {
            return Status::Einval;
        };
        let fed = feeder.core.feed(HistoryForReplay::new(history, workflow_id));
        match feeder.runtime.core.tokio_handle().block_on(fed) {
            Ok(()) => Status::Ok,
            Err(_) => Status::Efatal,
        }
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_feeder_free(feeder: *mut Feeder) {
    guard_unit(|| {
        if !feeder.is_null() {
            drop(Box::from_raw(feeder));
        }
    });
}

extern "C" {
    fn free(memory: *mut c_void);
}

/// Decodes a message that the caller hands over, and frees its bytes: what core does with it can take long.
unsafe fn taken<M: Message + Default>(message: *mut u8, len: usize) -> Option<M> {
    let decoded = catch_unwind(|| M::decode(slice(message, len)));
    free(message.cast());
    decoded.ok()?.ok()
}

unsafe fn polled<M: Message>(result: Result<M, PollError>, ret: *mut Bytes, err: *mut Bytes) -> Status {
    match result {
        Ok(task) => {
            put(ret, task.encode_to_vec());
            Status::Ok
        }
        Err(PollError::ShutDown) => Status::Shutdown,
        Err(PollError::TonicError(status)) => fail(err, Status::Efatal, status.code()),
    }
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_poll_activation(worker: *const Worker, ret: *mut Bytes, err: *mut Bytes) -> Status {
    guard(|| {
        let worker = &*worker;
        let Some(core) = worker.core() else { return Status::Shutdown };
        let result = worker.runtime.core.tokio_handle().block_on(async {
            let _one = worker.activations.lock().await;
            core.poll_workflow_activation().await
        });
        polled(result, ret, err)
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_poll_activity(worker: *const Worker, ret: *mut Bytes, err: *mut Bytes) -> Status {
    guard(|| {
        let worker = &*worker;
        let Some(core) = worker.core() else { return Status::Shutdown };
        let result = worker.runtime.core.tokio_handle().block_on(async {
            let _one = worker.activities.lock().await;
            core.poll_activity_task().await
        });
        polled(result, ret, err)
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_complete_activation(worker: *const Worker, message: *mut u8, len: usize, err: *mut Bytes) -> Status {
    let completion = taken::<WorkflowActivationCompletion>(message, len);
    guard(|| {
        let worker = &*worker;
        let Some(core) = worker.core() else { return Status::Shutdown };
        let Some(completion) = completion else {
            return fail(err, Status::Einval, "the completion cannot be decoded");
        };
        match worker.runtime.core.tokio_handle().block_on(core.complete_workflow_activation(completion)) {
            Ok(()) => Status::Ok,
            // The error's text can hold parts of the completion.
            Err(_) => fail(err, Status::Einval, "core refused the completion"),
        }
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_complete_activity(worker: *const Worker, message: *mut u8, len: usize, err: *mut Bytes) -> Status {
    let completion = taken::<ActivityTaskCompletion>(message, len);
    guard(|| {
        let worker = &*worker;
        let Some(core) = worker.core() else { return Status::Shutdown };
        let Some(completion) = completion else {
            return fail(err, Status::Einval, "the completion cannot be decoded");
        };
        match worker.runtime.core.tokio_handle().block_on(core.complete_activity_task(completion)) {
            Ok(()) => Status::Ok,
            // The error holds the whole completion.
            Err(_) => fail(err, Status::Einval, "core refused the completion"),
        }
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_heartbeat(worker: *const Worker, message: *const u8, len: usize) -> Status {
    guard(|| {
        let worker = &*worker;
        let Some(core) = worker.core() else { return Status::Shutdown };
        let Ok(heartbeat) = ActivityHeartbeat::decode(slice(message, len)) else { return Status::Einval };
        let handle = worker.runtime.core.tokio_handle();
        let _entered = handle.enter();
        core.record_activity_heartbeat(heartbeat);
        Status::Ok
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_evict(worker: *const Worker, run_id: *const c_char) -> Status {
    guard(|| {
        let worker = &*worker;
        let (Some(core), Some(run_id)) = (worker.core(), text(run_id)) else { return Status::Einval };
        let handle = worker.runtime.core.tokio_handle();
        let _entered = handle.enter();
        core.request_workflow_eviction(run_id);
        Status::Ok
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_shutdown(worker: *const Worker) {
    guard_unit(|| {
        let worker = &*worker;
        let handle = worker.runtime.core.tokio_handle();
        let _entered = handle.enter();
        if let Some(core) = worker.core() {
            core.initiate_shutdown();
        }
    });
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_finalize(worker: *const Worker, err: *mut Bytes) -> Status {
    guard(|| {
        let worker = &*worker;
        worker.runtime.adopt_thread();
        let Ok(mut held) = worker.core.lock() else { return Status::Einternal };
        let Some(core) = held.take() else { return Status::Ok };
        match Arc::try_unwrap(core) {
            Ok(core) => {
                drop(held);
                worker.runtime.core.tokio_handle().block_on(core.finalize_shutdown());
                Status::Ok
            }
            Err(core) => {
                *held = Some(core);
                fail(err, Status::Ebusy, "another call uses the worker")
            }
        }
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_worker_free(worker: *mut Worker) {
    guard_unit(|| {
        if !worker.is_null() {
            let worker = Box::from_raw(worker);
            let runtime = worker.runtime.clone();
            let handle = runtime.core.tokio_handle();
            let _entered = handle.enter();
            drop(worker);
        }
    });
}
