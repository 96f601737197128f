//! What every export needs: bytes, strings, statuses, and no panic across the boundary.

use std::ffi::{c_char, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};

pub const ABI_VERSION: u32 = 3;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)]
pub enum Status {
    Ok = 0,
    Shutdown = 1,
    Einval = -1,
    Econnect = -2,
    Erpc = -3,
    Efatal = -4,
    Ebusy = -5,
    Einternal = -6,
    Estopped = -7,
}

#[repr(C)]
pub struct Bytes {
    data: *mut u8,
    len: usize,
    cap: usize,
}

impl Bytes {
    pub fn from_vec(vec: Vec<u8>) -> Self {
        let mut vec = std::mem::ManuallyDrop::new(vec);
        Bytes { data: vec.as_mut_ptr(), len: vec.len(), cap: vec.capacity() }
    }
}

/// Runs an export's body; a panic becomes `Einternal`.
pub fn guard(body: impl FnOnce() -> Status) -> Status {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(Status::Einternal)
}

/// As `guard`, for exports that answer nothing.
pub fn guard_unit(body: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(body));
}

/// Hands `vec` to the caller.
///
/// # Safety
/// `ret` is NULL or writable.
pub unsafe fn put(ret: *mut Bytes, vec: Vec<u8>) {
    if !ret.is_null() {
        ret.write(Bytes::from_vec(vec));
    }
}

/// Answers `status` with a reason.
///
/// # Safety
/// `err` is NULL or writable.
pub unsafe fn fail(err: *mut Bytes, status: Status, reason: impl std::fmt::Display) -> Status {
    put(err, reason.to_string().into_bytes());
    status
}

/// # Safety
/// `text` is NULL or a C string that outlives the answer.
pub unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    CStr::from_ptr(text).to_str().ok()
}

/// # Safety
/// `data` points to `len` bytes that outlive the answer, or is NULL with `len` 0.
pub unsafe fn slice<'a>(data: *const u8, len: usize) -> &'a [u8] {
    if data.is_null() {
        return &[];
    }
    std::slice::from_raw_parts(data, len)
}

#[no_mangle]
pub extern "C" fn tb_abi_version() -> u32 {
    ABI_VERSION
}

/// # Safety
/// `bytes` is NULL or came from this library and was not released before.
#[no_mangle]
pub unsafe extern "C" fn tb_bytes_free(bytes: *mut Bytes) {
    if bytes.is_null() || (*bytes).data.is_null() {
        return;
    }
    let taken = bytes.replace(Bytes { data: std::ptr::null_mut(), len: 0, cap: 0 });
    drop(Vec::from_raw_parts(taken.data, taken.len, taken.cap));
}
