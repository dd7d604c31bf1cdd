//! A handover: JSON that is restored, then what happens afterwards, two bytes a step.

use engine::Handover;

use crate::drive;

pub fn run(data: &[u8]) {
    let mut values = serde_json::Deserializer::from_slice(data).into_iter::<Handover>();
    let Some(Ok(handover)) = values.next() else { return };
    let steps = data.get(values.byte_offset()..).unwrap_or_default();
    drive::restored(handover, steps);
}
