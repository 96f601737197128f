//! A connection, and calls of WorkflowService over it.

use crate::ffi::{fail, guard, guard_unit, put, slice, text, Bytes, Status};
use crate::runtime::Runtime;
use prost::Message;
use std::ffi::{c_char, c_int};
use std::future::Future;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Arc;
use std::time::Duration;
use temporalio_client::grpc::WorkflowService;
use temporalio_client::{tonic, Connection, ConnectionOptions, GrpcCompression};
use temporalio_common::protos::temporal::api::workflowservice::v1 as wf;
use temporalio_sdk_core::Url;

#[repr(C)]
pub struct Options {
    target: *const c_char,
    identity: *const c_char,
    client_name: *const c_char,
    client_version: *const c_char,
    connect_timeout_ms: u32,
}

#[repr(C)]
pub struct RpcError {
    grpc_code: i32,
    message: Bytes,
    details: Bytes,
}

pub struct Client {
    pub runtime: Arc<Runtime>,
    pub connection: Connection,
}

unsafe fn connection_options(runtime: &Runtime, options: &Options) -> Result<ConnectionOptions, &'static str> {
    let target = text(options.target).ok_or("no target")?;
    let url = Url::parse(&format!("http://{target}")).map_err(|_| "the address is not host:port")?;
    Ok(ConnectionOptions::new(url)
        .identity(text(options.identity).ok_or("no identity")?)
        .client_name(text(options.client_name).ok_or("no client name")?)
        .client_version(text(options.client_version).ok_or("no client version")?)
        .connect_timeout(Duration::from_millis(options.connect_timeout_ms.into()))
        // Ciphertext does not compress.
        .grpc_compression(GrpcCompression::None)
        .maybe_metrics_meter(runtime.core.telemetry().get_temporal_metric_meter())
        .build())
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_client_connect(
    runtime: *const Arc<Runtime>,
    options: *const Options,
    ret: *mut *mut Client,
    err: *mut Bytes,
) -> Status {
    guard(|| {
        let runtime = (*runtime).clone();
        runtime.adopt_thread();
        let options = match connection_options(&runtime, &*options) {
            Ok(options) => options,
            Err(reason) => return fail(err, Status::Einval, reason),
        };
        match runtime.core.tokio_handle().block_on(Connection::connect(options)) {
            Ok(connection) => {
                ret.write(Box::into_raw(Box::new(Client { runtime, connection })));
                Status::Ok
            }
            Err(reason) => fail(err, Status::Econnect, reason),
        }
    })
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_client_free(client: *mut Client) {
    guard_unit(|| {
        if !client.is_null() {
            let client = Box::from_raw(client);
            let handle = client.runtime.core.tokio_handle();
            let _entered = handle.enter();
            drop(client.connection);
        }
    });
}

fn request<T: Message + Default>(bytes: &[u8], timeout_ms: u32) -> Result<tonic::Request<T>, tonic::Status> {
    let message = T::decode(bytes).map_err(|_| tonic::Status::invalid_argument("the request cannot be decoded"))?;
    let mut request = tonic::Request::new(message);
    if timeout_ms > 0 {
        request.set_timeout(Duration::from_millis(timeout_ms.into()));
    }
    Ok(request)
}

macro_rules! dispatch {
    ($service:expr, $method:expr, $bytes:expr, $timeout:expr, { $($name:literal => $function:ident($type:ident)),* $(,)? }) => {
        match $method {
            $($name => {
                let response = $service.$function(request::<wf::$type>($bytes, $timeout)?).await?;
                Ok(response.into_inner().encode_to_vec())
            })*
            _ => Err(tonic::Status::unimplemented("the bridge does not know this method")),
        }
    };
}

async fn call(mut service: Box<dyn WorkflowService>, method: &str, bytes: &[u8], timeout: u32) -> Result<Vec<u8>, tonic::Status> {
    dispatch!(service, method, bytes, timeout, {
        "StartWorkflowExecution" => start_workflow_execution(StartWorkflowExecutionRequest),
        "GetWorkflowExecutionHistory" => get_workflow_execution_history(GetWorkflowExecutionHistoryRequest),
        "QueryWorkflow" => query_workflow(QueryWorkflowRequest),
        "RequestCancelWorkflowExecution" => request_cancel_workflow_execution(RequestCancelWorkflowExecutionRequest),
        "TerminateWorkflowExecution" => terminate_workflow_execution(TerminateWorkflowExecutionRequest),
        "DescribeWorkflowExecution" => describe_workflow_execution(DescribeWorkflowExecutionRequest),
        "ListWorkflowExecutions" => list_workflow_executions(ListWorkflowExecutionsRequest),
        "CountWorkflowExecutions" => count_workflow_executions(CountWorkflowExecutionsRequest),
        "DescribeNamespace" => describe_namespace(DescribeNamespaceRequest),
        "DescribeTaskQueue" => describe_task_queue(DescribeTaskQueueRequest),
        "GetSystemInfo" => get_system_info(GetSystemInfoRequest),
    })
}

/// The answer of `future`, or None once the caller's flag is set.
async fn unless_stopped<T>(future: impl Future<Output = T>, stop: Option<&AtomicI32>) -> Option<T> {
    let Some(stop) = stop else { return Some(future.await) };
    tokio::pin!(future);
    loop {
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(100), &mut future).await {
            return Some(answer);
        }
        if stop.load(Ordering::Relaxed) != 0 {
            return None;
        }
    }
}

/// # Safety
/// As in temporal_bridge.h.
#[no_mangle]
pub unsafe extern "C" fn tb_rpc_call(
    client: *const Client,
    method: *const c_char,
    request: *const u8,
    request_len: usize,
    timeout_ms: u32,
    retry: c_int,
    stop: *const AtomicI32,
    ret: *mut Bytes,
    ret_error: *mut RpcError,
) -> Status {
    guard(|| {
        let client = &*client;
        client.runtime.adopt_thread();
        let Some(method) = text(method) else { return Status::Einval };
        let service: Box<dyn WorkflowService> = if retry != 0 {
            Box::new(client.connection.clone())
        } else {
            client.connection.workflow_service()
        };
        let future = call(service, method, slice(request, request_len), timeout_ms);
        match client.runtime.core.tokio_handle().block_on(unless_stopped(future, stop.as_ref())) {
            None => Status::Estopped,
            Some(Ok(response)) => {
                put(ret, response);
                Status::Ok
            }
            Some(Err(status)) => {
                ret_error.write(RpcError {
                    grpc_code: status.code() as i32,
                    message: Bytes::from_vec(status.message().as_bytes().to_vec()),
                    details: Bytes::from_vec(status.details().to_vec()),
                });
                Status::Erpc
            }
        }
    })
}
