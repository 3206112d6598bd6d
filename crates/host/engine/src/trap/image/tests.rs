//! Properties of the built shim.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpKind, Register,
};
use object::{Object as _, ObjectSection as _, ObjectSegment as _, SectionKind};

use super::BYTES;

/// The linker's map: the address of each section.
const MAP: &str = include_str!(concat!(env!("OUT_DIR"), "/newroot-shim.map"));
/// The linker script.
const SCRIPT: &str = include_str!("../../../../../guest/shim/image.ld");

/// Returns the sections of the image, one for each function and each datum: names and addresses.
fn placed() -> Vec<(&'static str, u64)> {
    let hexadecimal = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    // GNU ld lists first what it has left out.
    let map = MAP.split_once("Linker script and memory map").map_or(MAP, |(_, map)| map);
    let mut words = map.lines().flat_map(|line| line.split_whitespace().chain(["\n"])).peekable();
    let mut placed = Vec::new();
    let mut line = Vec::new();
    while let Some(word) = words.next() {
        if word != "\n" {
            line.push(word);
            continue;
        }
        match line[..] {
            // lld: address, the same, size, alignment, `file:(name)`.
            [address, _, _, _, .., name] if name.ends_with(')') && name.contains(":(.") => {
                let (_, name) = name.rsplit_once(":(").expect("it was just found");
                placed.extend(hexadecimal(address).map(|address| (name.trim_end_matches(')'), address)));
            }
            // GNU ld: the name, on the same line or the next one its address, size and file.
            [name] if name.starts_with('.') && words.peek().is_some_and(|next| next.starts_with("0x")) => {
                placed.extend(words.peek().and_then(|next| hexadecimal(next)).map(|address| (name, address)));
            }
            [name, address, size, ..]
                if name.starts_with('.') && address.starts_with("0x") && size != "0x0" =>
            {
                placed.extend(hexadecimal(address).map(|address| (name, address)));
            }
            _ => {}
        }
        line.clear();
    }
    assert!(placed.len() > 500, "only {} sections in the linker's map", placed.len());
    placed
}

/// Whether a name is one that a pattern with asterisks means.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((front, rest)) = pattern.split_once('*') else { return name == pattern };
    let Some(behind) = name.strip_prefix(front) else { return false };
    rest.is_empty() || behind.char_indices().any(|(at, _)| is_like(&behind[at..], rest))
}

/// A pattern has a module's name with its length. If the module is renamed or moved, the pattern
/// matches nothing, and the linker doesn't report it.
#[test]
fn every_pattern_of_the_linker_script_places_something() {
    let (script, _) = SCRIPT.split_once("/DISCARD/").expect("the script discards something");
    let groups = script.split("*(").skip(1).filter_map(|text| text.split_once(')'));
    let patterns: Vec<_> = groups.flat_map(|(group, _)| group.split_whitespace()).collect();
    let mut used = vec![false; patterns.len()];
    for (name, _) in placed() {
        // The first one that matches takes it.
        if let Some(taker) = patterns.iter().position(|pattern| is_like(name, pattern)) {
            used[taker] = true;
        }
    }
    // A kind of sections as a whole may be empty.
    let is_all = |pattern: &str| pattern.trim_end_matches(".*").matches('.').count() == 1;
    let unused: Vec<_> = patterns
        .iter()
        .zip(used)
        .filter(|(pattern, used)| !used && !is_all(pattern))
        .map(|(one, _)| one)
        .collect();
    assert!(patterns.len() > 40, "only {} patterns in the script", patterns.len());
    assert!(unused.is_empty(), "no section is left for {unused:?}");
}

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

/// The entry code for patched call sites saves the lower 128 bits of sixteen vector registers, and
/// nothing of the floating-point unit. A signal handler may use any register, but the same code
/// serves both.
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

/// Every `syscall` instruction needs a line here, and its code belongs in `sys/src/arch`: the gate,
/// the probe, two that clone a child and end it, the restorer, the last call of a program's start,
/// two where sleeping calls are made, four that set the signal mask in the entry code, four in the
/// restartable sections, and 512 for calls that user dispatch spares.
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

/// Every exec maps each segment, every fork copies it, and every exit unmaps it (`shim/image.ld`).
#[test]
fn image_has_two_segments_of_which_the_written_one_is_not_in_the_file() {
    let file = object::read::elf::ElfFile64::<object::Endianness>::parse(BYTES).expect("a 64-bit ELF file");
    let loaded: Vec<_> = file.segments().map(|segment| (segment.size(), segment.file_range().1)).collect();
    let [(code, in_file), (data, none)] = loaded[..] else { panic!("{loaded:x?}") };
    assert_eq!(code, in_file);
    assert!(data < 300 * 1024, "{data:x}: limits are charged for all of it");
    assert_eq!(none, 0);
}

/// `slots::STACK`: size of a slot's handler stack in bytes.
const STACK: u64 = 160 * 1024;

/// Below a slot's stack lies its scratch space. An overflow would change the paths of the call.
#[test]
fn the_deepest_calls_fit_a_slots_stack() {
    let functions = functions();
    let mut known = BTreeMap::new();
    let deepest = functions.keys().map(|&start| depth(start, &functions, &mut known, &mut Vec::new())).max();
    let deepest = deepest.expect("there are functions");
    assert!(deepest > 8 * 1024, "only {deepest} bytes: frames aren't recognized");
    assert!(deepest <= STACK, "{deepest} bytes");
}

/// A signal on the fast path finds the frame within this number of bytes of the stack pointer.
#[test]
fn the_fast_paths_frame_is_found_from_its_deepest_call() {
    use newroot_sys::arch::unwind::FAST_STACK;
    let all = instructions();
    // Behind the fast path's call is the only instruction that overwrites a return address.
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

/// A function: the size of its frame, and the addresses that it calls or jumps to.
#[derive(Default)]
struct Function {
    frame: u64,
    calls: Vec<u64>,
}

/// Returns the addresses of fake root's functions in the table (`shim/src/call/policy.rs`).
fn policy() -> Vec<u64> {
    let name = |section: &str| section.starts_with(".rodata.") && section.contains("8fakeroot6POLICY");
    let at = placed().into_iter().find(|(section, _)| name(section)).expect("the table is in the map").1;
    let file = object::File::parse(BYTES).expect("the shim is an ELF file");
    let all =
        file.sections().find(|section| (section.address()..section.address() + section.size()).contains(&at));
    let all = all.expect("the table is in a section");
    let table = &all.data().expect("a section has its bytes in the file")[(at - all.address()) as usize..];
    let words = table.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
    words.take(POLICY).collect()
}

/// Number of functions in the table.
const POLICY: usize = 8;

/// Returns the function of the table that an instruction may call or jump to: the one at its
/// displacement from a register into which, or from which, one of the instructions before it may
/// have loaded the address. Other functions are called in this way, too; to count one too many does
/// no harm.
fn by_table(at: usize, all: &[Instruction], policy: &[u64]) -> Option<u64> {
    let one = &all[at];
    if !matches!(one.flow_control(), FlowControl::IndirectCall | FlowControl::IndirectBranch) {
        return None;
    }
    let load = match one.op0_kind() {
        OpKind::Memory => one,
        _ => all[at.saturating_sub(16)..at]
            .iter()
            .rev()
            .find(|load| load.mnemonic() == Mnemonic::Mov && load.op0_register() == one.op0_register())?,
    };
    let is_field = load.memory_base() != Register::None && load.memory_index() == Register::None;
    let field = load.memory_displacement64();
    if !is_field || !field.is_multiple_of(8) {
        return None;
    }
    policy.get(field as usize / 8).copied()
}

/// Finds the functions. Every called address begins one, and so does every section of code. It
/// ends where the next one begins. A function whose address is loaded may be called.
fn functions() -> BTreeMap<u64, Function> {
    let all = instructions();
    let policy = policy();
    let target = |one: &Instruction| {
        let direct = matches!(one.op0_kind(), OpKind::NearBranch64);
        direct.then(|| one.near_branch64())
    };
    let mut functions: BTreeMap<u64, Function> = all
        .iter()
        .filter(|one| one.flow_control() == FlowControl::Call)
        .filter_map(target)
        .chain(placed().into_iter().filter(|(name, _)| name.starts_with(".text.")).map(|(_, start)| start))
        .map(|start| (start, Function::default()))
        .collect();
    let starts: BTreeSet<u64> = functions.keys().copied().collect();
    let loaded = |one: &Instruction| match one.mnemonic() {
        Mnemonic::Mov => one.try_immediate(1).ok(),
        Mnemonic::Lea => Some(one.memory_displacement64()),
        _ => None,
    };
    let sections: BTreeMap<u64, &str> = placed().into_iter().map(|(name, start)| (start, name)).collect();
    let is_assembly = |at: u64| {
        let section = sections.range(..=at).next_back().map_or("", |(_, name)| *name);
        section.starts_with(".text.newroot_") || section == ".dispatch"
    };
    let mut through_table = BTreeSet::new();
    for (at, one) in all.iter().enumerate() {
        let Some((&start, function)) = functions.range_mut(..=one.ip()).next_back() else { continue };
        match one.mnemonic() {
            Mnemonic::Push => function.frame += 8,
            Mnemonic::Sub if one.op0_register() == Register::RSP && one.op1_kind() != OpKind::Register => {
                function.frame += one.immediate(1);
            }
            // The end of a loop that touches each page of a large frame.
            Mnemonic::Lea
                if one.op0_register() == Register::R11
                    && one.memory_base() == Register::RSP
                    && (one.memory_displacement64() as i64) < 0 =>
            {
                function.frame += (one.memory_displacement64() as i64).unsigned_abs();
            }
            _ => {}
        }
        // A jump to the beginning of another function is a tail call.
        if matches!(
            one.flow_control(),
            FlowControl::Call | FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
        ) {
            function.calls.extend(target(one).filter(|&to| to != start));
        }
        function.calls.extend(loaded(one).filter(|to| starts.contains(to) && *to != start));
        // The entry code, which isn't Rust's, calls nothing of the table.
        if !is_assembly(one.ip()) {
            let called = by_table(at, &all, &policy);
            function.calls.extend(called);
            through_table.extend(called);
        }
    }
    assert_eq!(through_table, policy.into_iter().collect(), "calls through the table aren't recognized");
    functions
}

/// Returns the bytes of stack that a function and the functions that it calls need at most.
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
        // The filter's search is recursive. Each call gets half of the range.
        return 16 * function.frame;
    }
    path.push(start);
    let below = function.calls.iter().filter(|called| functions.contains_key(called));
    let below = below.map(|&called| depth(called, functions, known, path)).max().unwrap_or(0);
    path.pop();
    // Includes the return address.
    let whole = function.frame + 8 + below;
    known.insert(start, whole);
    whole
}
