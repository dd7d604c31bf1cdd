//! How soon a thread that is woken gets a processor.
//!
//! Deliberately absent: more of the processor. A thread that asks for shorter turns gets them earlier and has no more of
//! them (sched_setattr(2), `sched_runtime` of SCHED_OTHER; Linux 6.12).
#![allow(unsafe_code, reason = "sched_setattr(2) has no wrapper")]

use std::ffi::c_long;

/// The kernel's struct sched_attr, in its first form.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

const SIZE: u32 = size_of::<Attributes>() as u32;
/// Children have what they would have had.
const RESET_ON_FORK: u64 = 1;
/// The shortest turn that the kernel grants, in nanoseconds.
const TURN: u64 = 100_000;

/// Have this thread run in short turns, and so soon after it is woken, however many others want to run. Its children are as
/// if this had not been. Where the kernel does not know it, or the thread has been given a policy, nothing changes.
pub fn answer_soon() {
    let Some(mut attributes) = of_this_thread() else { return };
    if attributes.policy == libc::SCHED_OTHER.cast_unsigned() {
        attributes.flags |= RESET_ON_FORK;
        attributes.runtime = TURN;
        // SAFETY: the kernel reads the structure, whose size it is told.
        unsafe { libc::syscall(libc::SYS_sched_setattr, THIS, &raw const attributes, NO_FLAGS) };
    }
}

const THIS: c_long = 0;
const NO_FLAGS: c_long = 0;

fn of_this_thread() -> Option<Attributes> {
    let mut attributes = Attributes::default();
    // SAFETY: the kernel fills no more of the structure than it is told that there is.
    let got =
        unsafe { libc::syscall(libc::SYS_sched_getattr, THIS, &raw mut attributes, c_long::from(SIZE), NO_FLAGS) };
    (got == 0).then_some(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_answers_soon_hands_nothing_of_it_to_those_it_makes() {
        let of_new_thread = || std::thread::spawn(of_this_thread).join().unwrap().unwrap();
        std::thread::spawn(move || {
            let (before, child_before) = (of_this_thread().unwrap(), of_new_thread());
            answer_soon();
            let after = of_this_thread().unwrap();
            assert_eq!((after.policy, after.nice), (before.policy, before.nice));
            // Kernels before 6.12 leave it at 0.
            assert!([0, TURN].contains(&after.runtime) && after.flags == RESET_ON_FORK, "{after:?}");
            assert_eq!(of_new_thread(), child_before);
        })
        .join()
        .unwrap();
    }
}
