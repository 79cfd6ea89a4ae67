//! `payment_*`: what a transaction would cost.

use crate::{Context, error};
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use ledger::{CallError, Hash};
use pallet_transaction_payment::{FeeDetails, RuntimeDispatchInfo};
use parity_scale_codec::{Decode, Encode};
use runtime::Balance;
use serde::Serialize;
use sp_core::{Bytes, U256};

/// Fees.
#[rpc(server)]
pub trait Payment {
    /// Weight, class and fee of a transaction.
    #[method(name = "payment_queryInfo", blocking)]
    fn query_info(
        &self,
        extrinsic: Bytes,
        at: Option<Hash>,
    ) -> RpcResult<RuntimeDispatchInfo<Balance>>;

    /// The parts of a transaction's fee.
    #[method(name = "payment_queryFeeDetails", blocking)]
    fn query_fee_details(&self, extrinsic: Bytes, at: Option<Hash>) -> RpcResult<Fees>;
}

/// The parts of a fee; there is none when the call is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fees {
    inclusion_fee: Option<InclusionFee>,
}

/// What being in a block costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InclusionFee {
    base_fee: U256,
    len_fee: U256,
    adjusted_weight_fee: U256,
}

pub(crate) struct Payment(pub(crate) Context);

impl Payment {
    fn ask<R: Decode>(
        &self,
        method: &'static str,
        extrinsic: &Bytes,
        at: Option<Hash>,
    ) -> Result<R, ledger::Error> {
        let mut arguments = extrinsic.0.clone();
        u32::try_from(extrinsic.len())
            .unwrap_or(u32::MAX)
            .encode_to(&mut arguments);
        let state = self.0.ledger.state(self.0.at(at))?;
        let answer = state.call(method, &arguments)?;
        R::decode(&mut &answer[..]).map_err(|_| CallError::BadAnswer(method).into())
    }
}

impl PaymentServer for Payment {
    fn query_info(
        &self,
        extrinsic: Bytes,
        at: Option<Hash>,
    ) -> RpcResult<RuntimeDispatchInfo<Balance>> {
        self.ask("TransactionPaymentApi_query_info", &extrinsic, at)
            .map_err(error::fee)
    }

    fn query_fee_details(&self, extrinsic: Bytes, at: Option<Hash>) -> RpcResult<Fees> {
        let details: FeeDetails<Balance> = self
            .ask("TransactionPaymentApi_query_fee_details", &extrinsic, at)
            .map_err(error::fee)?;
        let inclusion_fee = details.inclusion_fee.map(|fee| InclusionFee {
            base_fee: fee.base_fee.into(),
            len_fee: fee.len_fee.into(),
            adjusted_weight_fee: fee.adjusted_weight_fee.into(),
        });
        Ok(Fees { inclusion_fee })
    }
}
