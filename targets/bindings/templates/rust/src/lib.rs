//! The network `@name@`, hop by hop: it owns its memory, allocates nothing and needs no `std`.
#![no_std]
#![allow(clippy::all)]

use core::ffi::c_void;

/// Samples of a hop; 0 where a call is none of a stream.
pub const HOP: usize = @hop@;

/// Why a call did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The C says so: a misaligned block, or no session.
    Status(i32),
}

/// What a hop takes.
pub struct Inputs<'a> {
    pub @input_name@: &'a [@input_type@; @input_count@],
}

/// What a hop gives.
pub struct Outputs<'a> {
    pub @output_name@: &'a mut [@output_type@; @output_count@],
}
@session_@
@session_@/// What stays the same for a session.
@session_@pub struct Constants<'a> {
    pub @constant_name@: &'a [@constant_type@; @constant_count@],
@session_@}

#[repr(C)]
struct RawInputs {
    @input_name@: *const @input_type@,
}

#[repr(C)]
struct RawOutputs {
    @output_name@: *mut @output_type@,
}
@session_@
@session_@#[repr(C)]
@session_@struct RawConstants {
    @constant_name@: *const @constant_type@,
@session_@}

extern "C" {
    fn @name@_init(state: *mut c_void, size: usize) -> *mut c_void;
    fn @name@_reset(net: *mut c_void);
    fn @name@_process(net: *mut c_void, scratch: *mut c_void, given: *const RawInputs, made: *mut RawOutputs) -> i32;
    @pcm_@fn @name@_process_s16(net: *mut c_void, scratch: *mut c_void, given: *const i16, made: *mut i16) -> i32;
    @session_@fn @name@_session(net: *mut c_void, scratch: *mut c_void, given: *const RawConstants) -> i32;
}

/// An instance with its memory. It may be moved: the C keeps no address in it.
#[repr(C, align(@align@))]
pub struct Network {
    state: [u8; @state_bytes@],
    scratch: Scratch,
}

#[repr(C, align(@align@))]
struct Scratch([u8; @scratch_bytes@ + 1]);

impl Network {
    /// A fresh instance.
    pub fn new() -> Self {
        let mut made = Network { state: [0; @state_bytes@], scratch: Scratch([0; @scratch_bytes@ + 1]) };
        let net = unsafe { @name@_init(made.state.as_mut_ptr().cast(), made.state.len()) };
        debug_assert!(!net.is_null());
        made
    }

    /// As it was made.
    pub fn reset(&mut self) {
        unsafe { @name@_reset(self.state.as_mut_ptr().cast()) }
    }

    /// Run one hop.
    pub fn process(&mut self, given: &Inputs, made: &mut Outputs) -> Result<(), Error> {
        let raw = RawInputs {
            @input_name@: given.@input_name@.as_ptr(),
        };
        let mut results = RawOutputs {
            @output_name@: made.@output_name@.as_mut_ptr(),
        };
        let (net, scratch) = self.blocks();
        told(unsafe { @name@_process(net, scratch, &raw, &mut results) })
    }
    @pcm_@
    @pcm_@/// The same on samples of 16 bits, channels interleaved.
    @pcm_@pub fn process_s16(&mut self, given: &[i16; @pcm_in@], made: &mut [i16; @pcm_out@]) -> Result<(), Error> {
    @pcm_@    let (net, scratch) = self.blocks();
    @pcm_@    told(unsafe { @name@_process_s16(net, scratch, given.as_ptr(), made.as_mut_ptr()) })
    @pcm_@}
    @session_@
    @session_@/// Take what stays the same for a session, before the first hop and whenever it changes.
    @session_@pub fn session(&mut self, given: &Constants) -> Result<(), Error> {
    @session_@    let raw = RawConstants {
            @constant_name@: given.@constant_name@.as_ptr(),
    @session_@    };
    @session_@    let (net, scratch) = self.blocks();
    @session_@    told(unsafe { @name@_session(net, scratch, &raw) })
    @session_@}

    fn blocks(&mut self) -> (*mut c_void, *mut c_void) {
        (self.state.as_mut_ptr().cast(), self.scratch.0.as_mut_ptr().cast())
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

fn told(status: i32) -> Result<(), Error> {
    if status == 0 {
        Ok(())
    } else {
        Err(Error::Status(status))
    }
}
