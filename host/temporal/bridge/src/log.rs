//! Core's log lines, without any value. Some of core's messages format a whole request (`When sending {:?}`), and fields hold
//! failures: what follows the constant beginning of a message is cut, and of the fields only the run id is kept.

use std::ffi::{c_char, c_int, c_void};
use temporalio_common::telemetry::{CoreLog, CoreLogConsumer};

pub type LogFn = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, usize, *const c_char, usize);

pub struct Forward {
    pub function: LogFn,
    pub context: usize,
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forward")
    }
}

/// Core warns of every payload over 512 KiB, which for us is an ordinary state.
const SIZE_WARNING: &str = "[TMPRL1103]";

/// The part of a message before the first character that can begin a formatted value.
fn constant_part(message: &str) -> &str {
    // Some begin with a code in brackets.
    let message = match message.split_once("] ") {
        Some((code, rest)) if code.starts_with("[TMPRL") && code.len() <= 12 => rest,
        _ => message,
    };
    let end = message.find(['{', '(', '[', ':', '"', '=', '\'']).unwrap_or(message.len());
    let mut end = end.min(160);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message[..end].trim_end()
}

/// Temporal's run ids are UUIDs; anything else is not passed on.
fn run_id(log: &CoreLog) -> &str {
    log.fields
        .get("run_id")
        .and_then(|value| value.as_str())
        .filter(|id| id.len() <= 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
        .unwrap_or("")
}

impl CoreLogConsumer for Forward {
    fn on_log(&self, log: CoreLog) {
        if log.message.starts_with(SIZE_WARNING) {
            return;
        }
        let level = if log.level.as_str() == "ERROR" { 1 } else { 2 };
        let text = constant_part(&log.message);
        let run = run_id(&log);
        // SAFETY: the caller of tb_runtime_new vouches for function and context.
        unsafe {
            (self.function)(self.context as *mut c_void, level, text.as_ptr().cast(), text.len(), run.as_ptr().cast(), run.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::constant_part;

    #[test]
    fn values_are_cut() {
        assert_eq!(constant_part("When sending Payload { data: [1] }"), "When sending Payload");
        assert_eq!(constant_part("Error when recording heartbeat: secret"), "Error when recording heartbeat");
        assert_eq!(constant_part("[TMPRL1100] Nondeterminism: secret"), "Nondeterminism");
        assert_eq!(constant_part("[secret] rest"), "");
        assert_eq!(constant_part("plain"), "plain");
    }
}
