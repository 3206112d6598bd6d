//! What must be true of the shim as it was built.

use std::collections::BTreeMap;

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpKind, Register,
};
use object::{Object as _, ObjectSection as _, ObjectSegment as _, SectionKind};

use super::BYTES;

fn instructions() -> Vec<Instruction> {
    let file = object::File::parse(BYTES).expect("the shim is an ELF file");
    let code = file.sections().filter(|section| section.kind() == SectionKind::Text);
    let mut all = Vec::new();
    for section in code {
        let bytes = section.data().expect("a section has its bytes in the file");
        all.extend(Decoder::with_ip(64, bytes, section.address(), DecoderOptions::NONE));
    }
    assert!(all.len() > 5_000, "only {} instructions", all.len());
    all
}

/// The entry code for patched call sites keeps the lower 128 bits of sixteen vector registers, and nothing
/// of the floating-point unit; a signal's handler may use anything, but there is one code for both.
#[test]
fn no_register_is_used_that_the_entry_code_does_not_keep() {
    let mut info = InstructionInfoFactory::new();
    let mut others = BTreeMap::new();
    for instruction in instructions() {
        for used in info.info(&instruction).used_registers() {
            let register = used.register();
            let kept = register.is_gpr()
                || register.is_segment_register()
                || register == Register::RIP
                || (Register::XMM0..=Register::XMM15).contains(&register);
            if !kept {
                others.insert(format!("{register:?}"), instruction.to_string());
            }
        }
    }
    assert!(others.is_empty(), "{others:?}");
}

/// Whatever else gets a `syscall` instruction must get a line here, and a place in `sys/src/arch`: the gate, the
/// probe, two that clone a child and end it, the restorer, the last of a program's start, two where calls that sleep are made, four that set the mask in
/// the entry code, and the four of the window; and the 512 places for calls that user dispatch spares.
#[test]
fn system_calls_are_made_where_the_architecture_says() {
    let count = instructions().iter().filter(|one| one.mnemonic() == Mnemonic::Syscall).count();
    assert_eq!(count, 16 + 512);
}

#[test]
fn image_lies_where_the_filter_and_the_readme_say() {
    let file = object::File::parse(BYTES).expect("the shim is an ELF file");
    for section in file.sections().filter(|section| section.address() != 0) {
        let range = section.address()..section.address() + section.size();
        assert!(range.start >= 0x7000_0000 && range.end <= 0x7010_0000, "{:?}: {range:x?}", section.name());
    }
}

/// Each is a mapping to be made by every exec, copied by every fork and unmapped by every exit (`shim/image.ld`).
#[test]
fn image_has_two_segments_of_which_the_written_one_is_not_in_the_file() {
    let file = object::read::elf::ElfFile64::<object::Endianness>::parse(BYTES).expect("a 64-bit ELF file");
    let loaded: Vec<_> = file.segments().map(|segment| (segment.size(), segment.file_range().1)).collect();
    let [(code, in_file), (data, none)] = loaded[..] else { panic!("{loaded:x?}") };
    assert_eq!(code, in_file);
    assert!(data < 300 * 1024, "{data:x}: limits are charged for all of it");
    assert_eq!(none, 0);
}

/// `slots::STACK`: what a slot has for the handler's stack.
const STACK: u64 = 160 * 1024;

/// Below the stack of a slot lies its scratch space: an overflow would change the paths of the call.
#[test]
fn the_deepest_calls_fit_a_slots_stack() {
    let functions = functions();
    let mut known = BTreeMap::new();
    let deepest = functions.keys().map(|&start| depth(start, &functions, &mut known, &mut Vec::new())).max();
    let deepest = deepest.expect("there are functions");
    assert!(deepest > 8 * 1024, "only {deepest} bytes: frames aren't recognized");
    assert!(deepest <= STACK, "{deepest} bytes");
}

/// A signal that comes in the fast path finds its frame within so many bytes of the stack pointer.
#[test]
fn the_fast_paths_frame_is_found_from_its_deepest_call() {
    use newroot_sys::arch::unwind::FAST_STACK;
    let all = instructions();
    // Behind the call of the fast path stands the one instruction that overwrites a return address.
    let overwrites = |one: &Instruction| {
        one.mnemonic() == Mnemonic::Mov
            && one.op0_kind() == OpKind::Memory
            && one.memory_base() == Register::RSP
            && one.memory_displacement64() as i64 == -8
            && one.op1_kind() == OpKind::Immediate32to64
    };
    let calls: Vec<u64> = all
        .windows(2)
        .filter(|pair| pair[0].mnemonic() == Mnemonic::Call && overwrites(&pair[1]))
        .map(|pair| pair[0].near_branch64())
        .collect();
    let [fast] = calls[..] else { panic!("{calls:x?}") };
    let deepest = depth(fast, &functions(), &mut BTreeMap::new(), &mut Vec::new());
    assert!(deepest > 1024, "only {deepest} bytes: frames aren't recognized");
    assert!(deepest <= FAST_STACK as u64, "{deepest} bytes");
}

/// What a function takes of the stack, and whom it calls or jumps to, by its address.
#[derive(Default)]
struct Function {
    frame: u64,
    calls: Vec<u64>,
}

/// Everything that is called is a function, and reaches to the next one.
fn functions() -> BTreeMap<u64, Function> {
    let all = instructions();
    let target = |one: &Instruction| {
        let direct = matches!(one.op0_kind(), OpKind::NearBranch64);
        direct.then(|| one.near_branch64())
    };
    let mut functions: BTreeMap<u64, Function> = all
        .iter()
        .filter(|one| one.flow_control() == FlowControl::Call)
        .filter_map(|one| Some((target(one)?, Function::default())))
        .collect();
    for one in &all {
        let Some((&start, function)) = functions.range_mut(..=one.ip()).next_back() else { continue };
        match one.mnemonic() {
            Mnemonic::Push => function.frame += 8,
            Mnemonic::Sub if one.op0_register() == Register::RSP && one.op1_kind() != OpKind::Register => {
                function.frame += one.immediate(1);
            }
            // The end of a loop that touches page after page of a large frame.
            Mnemonic::Lea
                if one.op0_register() == Register::R11
                    && one.memory_base() == Register::RSP
                    && (one.memory_displacement64() as i64) < 0 =>
            {
                function.frame += (one.memory_displacement64() as i64).unsigned_abs();
            }
            _ => {}
        }
        // A jump to the beginning of another function is a call in the last place.
        if matches!(
            one.flow_control(),
            FlowControl::Call | FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
        ) {
            function.calls.extend(target(one).filter(|&to| to != start));
        }
    }
    functions
}

/// Bytes of stack from a function's call to the deepest of those it leads to.
fn depth(
    start: u64,
    functions: &BTreeMap<u64, Function>,
    known: &mut BTreeMap<u64, u64>,
    path: &mut Vec<u64>,
) -> u64 {
    if let Some(&known) = known.get(&start) {
        return known;
    }
    let function = &functions[&start];
    if path.contains(&start) {
        // The filter's search calls itself, with half of what it was given.
        return 16 * function.frame;
    }
    path.push(start);
    let below = function.calls.iter().filter(|called| functions.contains_key(called));
    let below = below.map(|&called| depth(called, functions, known, path)).max().unwrap_or(0);
    path.pop();
    // The return address as well.
    let whole = function.frame + 8 + below;
    known.insert(start, whole);
    whole
}
