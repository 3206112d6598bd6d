//! What must be true of the shim as it was built.

use std::collections::BTreeMap;

use iced_x86::{Decoder, DecoderOptions, Instruction, InstructionInfoFactory, Mnemonic, Register};
use object::{Object as _, ObjectSection as _, SectionKind};

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
/// probe, two that clone a child and end it, the restorer, two where calls that sleep are made, two that yield and
/// two that set the mask in the entry code, and the three of the window.
#[test]
fn system_calls_are_made_where_the_architecture_says() {
    let count = instructions().iter().filter(|one| one.mnemonic() == Mnemonic::Syscall).count();
    assert_eq!(count, 14);
}

#[test]
fn image_lies_where_the_filter_and_the_readme_say() {
    let file = object::File::parse(BYTES).expect("the shim is an ELF file");
    for section in file.sections().filter(|section| section.address() != 0) {
        let range = section.address()..section.address() + section.size();
        assert!(range.start >= 0x7000_0000 && range.end <= 0x7043_0000, "{:?}: {range:x?}", section.name());
    }
}
