//! Who may make which call: whoever signs. What is the creator's alone, the creator's tests say.

use super::*;
use frame_support::traits::{GetCallIndex, GetCallName};
use parity_scale_codec::Decode;

/// Every call of the pallet, with arguments that are nothing but zeros.
fn every_call() -> Vec<Call<Test>> {
    let indices = Call::<Test>::get_call_indices().iter();
    indices
        .zip(Call::<Test>::get_call_names())
        .map(|(index, name)| {
            let bytes = [&[*index][..], &[0; 64]].concat();
            let call = Call::decode(&mut &bytes[..]).expect("zeros are arguments of every type");
            assert_eq!(call.get_call_name(), *name);
            call
        })
        .collect()
}

#[test]
fn every_call_is_signed() {
    with_money(|| {
        create(None).unwrap();
        let before = loan();
        for every in every_call() {
            let name = every.get_call_name();
            for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
                let refused = call_from(origin, every.clone());
                assert_eq!(refused, Err(DispatchError::BadOrigin), "{name}");
            }
        }
        assert_eq!(loan(), before);
    });
}
