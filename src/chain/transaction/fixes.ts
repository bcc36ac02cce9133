/** What to do, and the errors of which it is the answer. Names as in Subtensor's metadata up to spec 475, and of its RPC 1010 codes. */
const ANSWERS: [fix: string, names: string][] = [
  [
    'register the hotkey on this subnet first',
    `AccountNotAllowedCommit HotKeyNotRegisteredInSubNet HotKeyNotRegisteredInNetwork HotkeyAccountDoesntExist
    HotKeyAccountNotExists UidMapCouldNotBeCleared UidNotFound`,
  ],
  ['wait for the commitment cooldown (about 100 blocks) and try again', 'CommitmentSetRateLimitExceeded'],
  ["wait for the subnet's next epoch: this epoch's commitment space is used up", 'SpaceLimitExceeded'],
  ['commit fewer fields: this runtime takes as many as Commitments.MaxFields says', 'TooManyFieldsInCommitmentInfo'],
  ['commit the time-locked text itself: only the chain marks one as failed', 'TimelockRevealFailedNotAllowed'],
  ['try again; the chain could not free the deposit of the commitment before', 'UnexpectedUnreserveLeftover'],
  [
    'add stake to the hotkey',
    'NotEnoughStakeToSetWeights StakeAmountTooLow NotEnoughStake NotEnoughStakeToSetChildkeys',
  ],
  ['wait for the next epoch, or add stake: only the highest stakes get a permit', 'NeuronNoValidatorPermit'],
  ['wait until the weights rate limit has passed', 'SettingWeightsTooFast CommittingWeightsTooFast'],
  [
    'wait until the rate limit of this call has passed',
    `RateLimitExceeded TxRateLimitExceeded NetworkTxRateLimitExceeded DelegateTxRateLimitExceeded
    HotKeySetTxRateLimitExceeded StakingRateLimitExceeded ServingRateLimitExceeded TxChildkeyTakeRateLimitExceeded
    EvmKeyAssociateRateLimit EvmKeyAssociateRateLimitExceeded EvmKeyAssociationLimitExceeded
    SubnetBuybackRateLimitExceeded AddStakeBurnRateLimitExceeded HotKeySwapOnSubnetIntervalNotPassed`,
  ],
  ['reveal the committed weights first, or wait until they expire', 'TooManyUnrevealedCommits'],
  ["wait for the subnet's next epoch: its queue of committed weights is full", 'CommitQueueFull'],
  ['set fewer weights: what was committed is more than the runtime keeps', 'CommitPayloadTooLarge'],
  ["send a version key at least as high as the subnet's", 'IncorrectWeightVersionKey'],
  ['update this package: the chain expects weights to be time-locked in another way', 'IncorrectCommitRevealVersion'],
  [
    'this subnet wants weights committed and revealed; try again, the setting was changed just now',
    'CommitRevealEnabled',
  ],
  ['this subnet wants weights set directly; try again, the setting was changed just now', 'CommitRevealDisabled'],
  ['wait for the reveal window', 'RevealTooEarly'],
  ['reveal inside the reveal window', 'CommitBlockNotInRevealRange'],
  ['set the weights again: the reveal window has passed', 'ExpiredWeightCommit'],
  ['set the weights again: the round they were locked for is out already', 'InvalidRevealRound'],
  [
    'set the weights again: the chain has no such commit',
    'CommitNotFound NoWeightsCommitFound InvalidRevealCommitHashNotMatch',
  ],
  ['send at least as many weights as the subnet demands', 'WeightVecLengthIsLow'],
  ['spread the weights: one share is above what the subnet allows', 'MaxWeightExceeded'],
  [
    'send one value for each uid, each uid once, from a fresh metagraph',
    `WeightVecNotEqualSize DuplicateUids UidVecContainInvalidOne UidsLengthExceedUidsInSubNet InputLengthsUnequal
    InvalidBatchLength TooManyUIDsPerMechanism`,
  ],
  [
    'check the netuid and the mechanism: this chain has none of that number, or the root network, which takes no such call',
    `SubnetNotExists SubNetworkDoesNotExist MechanismDoesNotExist RootNetworkDoesNotExist NotRootSubnet
    CanNotSetRootNetworkWeights RegistrationNotPermittedOnRootSubnet CannotBurnOrRecycleOnRootSubnet SameNetuid`,
  ],
  ['try again when the subnet has started', 'NeedWaitingMoreBlocksToStarCall StartCallNotReady SubtokenDisabled'],
  [
    'try again later: the chain has switched this call off',
    'CallDisabled DisabledTemporarily Deprecated FaucetDisabled',
  ],
  ['this hotkey is registered here already: go on with its uid', 'HotKeyAlreadyRegisteredInSubNet'],
  ["wait until the subnet's owner allows registrations", 'SubNetRegistrationDisabled'],
  [
    'wait for the next block or interval, and register again',
    'TooManyRegistrationsThisBlock TooManyRegistrationsThisInterval',
  ],
  [
    'wait until a neuron is out of its immunity period: the subnet is full',
    'NoNeuronIdAvailable AllNetworksInImmunity SubnetLimitReached',
  ],
  ['register with a higher limit, or wait until the price has fallen', 'RegistrationPriceLimitExceeded'],
  [
    'put TAO on the coldkey: its free balance does not cover this',
    `NotEnoughBalanceToStake BalanceWithdrawalError ZeroBalanceAfterWithdrawn BalanceTooLow InsufficientTaoBalance
    NotEnoughBalanceToPaySwapHotKey NotEnoughBalanceToPaySwapColdKey CannotAffordLockCost InsufficientAlphaBalance`,
  ],
  [
    'unstake less: the hotkey does not have as much, or it is locked',
    `NotEnoughStakeToWithdraw StakeUnavailable NotEnoughAlphaOutToRecycle RootStakeLocked InsufficientStakeForLock
    UnlockAmountTooHigh KeepStakeBlockedByCollateral ActiveLockExists NoExistingLock LockHotkeyMismatch LockIdOverFlow
    AccountRejectsLockedAlpha ColdkeyCollateralIncomplete ColdkeyCollateralPositionsFull TooManyStakingHotkeys
    StakeTooLowForRoot`,
  ],
  [
    'stake another amount, or with another limit price',
    'AmountTooLow ZeroMaxAmount InsufficientLiquidity SlippageTooHigh StakeToWithdrawIsZero NomStakeBelowMinimumThreshold',
  ],
  ["ask the subnet's owner: transfers of its stake are off", 'TransferDisallowed'],
  [
    'sign with the coldkey that owns the hotkey',
    `NonAssociatedColdKey TransactorAccountShouldBeHotKey HotKeyAlreadyDelegate BeneficiaryDoesNotOwnHotkey
    ColdKeyAlreadyAssociated NewColdKeyIsHotkey NewHotKeyIsSameWithOld NewHotKeyNotCleanForRootSwap
    CannotUseSystemAccount InvalidRealAccount SameAutoStakeHotkeyAlreadySet HotKeyNotDelegateAndSignerNotOwnHotKey`,
  ],
  [
    'settle the announced swap of this coldkey first',
    `ColdkeyInSwapSchedule ColdkeySwapDisputed ColdkeySwapAnnounced ColdkeySwapAnnouncementNotFound ColdkeySwapTooEarly
    ColdkeySwapReannouncedTooEarly AnnouncedColdkeyHashDoesNotMatch ColdkeySwapAlreadyDisputed ColdkeySwapClearTooEarly
    ColdkeySwapTooHeavy ColdkeyIsInArbitration SwapAlreadyScheduled FailedToSchedule`,
  ],
  [
    "sign with the coldkey of the subnet's owner, outside of the blocks before an epoch",
    'NotSubnetOwner AdminActionProhibitedDuringWeightsWindow ExpectedBeneficiaryOrigin',
  ],
  [
    'send a value that the runtime allows: see the limits in its constants',
    `InvalidIpType InvalidIpAddress InvalidPort DelegateTakeTooLow DelegateTakeTooHigh InvalidChildkeyTake
    LiquidAlphaDisabled AlphaHighTooLow AlphaLowOutOfRange ActivityCutoffTooLow RevealPeriodTooLarge RevealPeriodTooSmall
    InvalidValue TempoOutOfBounds ActivityCutoffFactorMilliOutOfBounds InvalidVotingPowerEmaAlpha
    InvalidRootClaimThreshold InvalidIdentity SymbolDoesNotExist SymbolAlreadyInUse Overflow
    TrimmingWouldExceedMaxImmunePercentage FirstEmissionBlockNumberAlreadySet InvalidNumRootClaim InvalidSubnetNumber`,
  ],
  [
    'name other children, with shares of at most all of it',
    'InvalidChild DuplicateChild ProportionOverflow TooManyChildren ChildParentInconsistency',
  ],
  ['solve the work again for a fresh block', 'InvalidWorkBlock InvalidDifficulty InvalidSeal'],
  ['sign the message again with the key that is named', 'UnableToRecoverPublicKey InvalidRecoveredPublicKey'],
  [
    'wait: the runtime is at it already, or does it by itself in the next blocks',
    `EpochTriggerAlreadyPending AutoEpochAlreadyImminent DynamicTempoBlockedByCommitReveal NetworkDissolveAlreadyQueued
    WaitingForDissolvedSubnetCleanup VotingPowerTrackingNotEnabled BasketDepositPending BetaBasketSeedInProgress
    RootClaimTooHeavy`,
  ],
  [
    'this is about leases, baskets and the senate, which no miner or validator needs: check which call was signed',
    `InvalidLeaseBeneficiary LeaseCannotEndInThePast LeaseNetuidNotFound LeaseDoesNotExist LeaseHasNoEndBlock
    LeaseHasNotEnded BasketHasNoWeights RootWeightSettingDisabled RootWeightCapExceeded BasketConcentrationCapExceeded
    BasketTradingDisabled BasketTradingFrozen BasketTurnoverBudgetExceeded BasketSameSubnet BasketLiquidityCapExceeded
    BasketMinOutNotMet BasketSwapBatchEmpty NotSenateMember CouldNotJoinSenate`,
  ],
  ['sign it again: the block that its era begins with is too old for the chain to know', 'AncientBirthBlock'],
  ['send it from an account with a balance: this call is not free on this runtime', 'Payment'],
  ['check that this runtime has the call, and that it may be signed by a hotkey', 'Call'],
  ['check that the hotkey file belongs to this hotkey, and that this package is up to date', 'BadProof'],
];

/** What to do about an error of the chain, by its name. */
export const FIXES: Record<string, string> = Object.fromEntries(
  ANSWERS.flatMap(([fix, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, fix]),
  ),
);
