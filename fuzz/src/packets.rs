//! What clients send: the handshake's answer, a change of user, parameters.

use server::handshake::{parse_answer, parse_change_user};
use server::parameters::{Bindings, read_values};
use server::wire_format::PacketReader;

/// A packet as each of these.
pub fn packet(data: &[u8]) {
    for capabilities in [0, u32::MAX, 0x00ff_f7ff, 0x0080_8200] {
        let _ = parse_answer(data, capabilities);
        let _ = parse_change_user(data, capabilities);
    }
    for (count, named) in [(1, false), (3, true), (40, false)] {
        let mut bindings = Bindings::default();
        let mut reader = PacketReader::new(data);
        let _ = read_values(&mut reader, count, count, named, &mut bindings);
    }
    let mut reader = PacketReader::new(data);
    while let Ok(bytes) = reader.bytes() {
        let _ = bytes.len();
        if reader.is_empty() {
            break;
        }
    }
    let _ = PacketReader::new(data).nul();
    let _ = PacketReader::new(data).lenenc();
}
