import { before, since } from './profile.ts';
import { named } from './shorthand.ts';

const inCurrentAlone = (name: string) => ({ name, since: 'current' as const, before: 'latest' as const });
const words = (text: string) => named(...text.trim().split(/\s+/));

/**
 * Every error of SubtensorModule at its place, by which nodes report a failed call: in `legacy`, which reports spec 218, as
 * in 219; in `current`, which reports 425, as in 432; in `latest` as in 475.
 */
export const ERRORS = [
  ...before(
    'current',
    words(`
      SubNetworkDoesNotExist RootNetworkDoesNotExist InvalidIpType InvalidIpAddress InvalidPort
      HotKeyNotRegisteredInSubNet HotKeyAccountNotExists HotKeyNotRegisteredInNetwork NonAssociatedColdKey
      HotKeyNotDelegateAndSignerNotOwnHotKey StakeToWithdrawIsZero NotEnoughStakeToWithdraw
      NotEnoughStakeToSetWeights NotEnoughStakeToSetChildkeys NotEnoughBalanceToStake BalanceWithdrawalError
      ZeroBalanceAfterWithdrawn NeuronNoValidatorPermit WeightVecNotEqualSize DuplicateUids
      UidVecContainInvalidOne WeightVecLengthIsLow TooManyRegistrationsThisBlock HotKeyAlreadyRegisteredInSubNet
      NewHotKeyIsSameWithOld InvalidWorkBlock InvalidDifficulty InvalidSeal MaxWeightExceeded
      HotKeyAlreadyDelegate SettingWeightsTooFast IncorrectWeightVersionKey ServingRateLimitExceeded
      UidsLengthExceedUidsInSubNet NetworkTxRateLimitExceeded DelegateTxRateLimitExceeded
      HotKeySetTxRateLimitExceeded StakingRateLimitExceeded SubNetRegistrationDisabled
      TooManyRegistrationsThisInterval TransactorAccountShouldBeHotKey NotSenateMember FaucetDisabled
      NotSubnetOwner RegistrationNotPermittedOnRootSubnet StakeTooLowForRoot AllNetworksInImmunity
      NotEnoughBalanceToPaySwapHotKey NotRootSubnet CanNotSetRootNetworkWeights NoNeuronIdAvailable
      NomStakeBelowMinimumThreshold DelegateTakeTooLow DelegateTakeTooHigh NoWeightsCommitFound
      InvalidRevealCommitHashNotMatch CommitRevealEnabled CommitRevealDisabled CouldNotJoinSenate
      LiquidAlphaDisabled AlphaHighTooLow AlphaLowOutOfRange ColdKeyAlreadyAssociated
      NotEnoughBalanceToPaySwapColdKey ColdkeyIsInArbitration InvalidChild DuplicateChild ProportionOverflow
      TooManyChildren TxRateLimitExceeded SwapAlreadyScheduled FailedToSchedule NewColdKeyIsHotkey
      InvalidChildkeyTake TxChildkeyTakeRateLimitExceeded InvalidIdentity TooManyUnrevealedCommits
      ExpiredWeightCommit RevealTooEarly InputLengthsUnequal CommittingWeightsTooFast`),
  ),
  ...since(
    'current',
    words(`
      RootNetworkDoesNotExist InvalidIpType InvalidIpAddress InvalidPort HotKeyNotRegisteredInSubNet
      HotKeyAccountNotExists HotKeyNotRegisteredInNetwork NonAssociatedColdKey NotEnoughStake
      NotEnoughStakeToWithdraw NotEnoughStakeToSetWeights NotEnoughStakeToSetChildkeys NotEnoughBalanceToStake
      BalanceWithdrawalError ZeroBalanceAfterWithdrawn NeuronNoValidatorPermit WeightVecNotEqualSize
      DuplicateUids UidVecContainInvalidOne WeightVecLengthIsLow TooManyRegistrationsThisBlock
      HotKeyAlreadyRegisteredInSubNet NewHotKeyIsSameWithOld NewHotKeyNotCleanForRootSwap InvalidWorkBlock
      InvalidDifficulty InvalidSeal MaxWeightExceeded HotKeyAlreadyDelegate SettingWeightsTooFast
      IncorrectWeightVersionKey ServingRateLimitExceeded UidsLengthExceedUidsInSubNet NetworkTxRateLimitExceeded
      DelegateTxRateLimitExceeded HotKeySetTxRateLimitExceeded StakingRateLimitExceeded
      SubNetRegistrationDisabled TooManyRegistrationsThisInterval TransactorAccountShouldBeHotKey FaucetDisabled
      NotSubnetOwner RegistrationNotPermittedOnRootSubnet StakeTooLowForRoot AllNetworksInImmunity
      NotEnoughBalanceToPaySwapHotKey NotRootSubnet CanNotSetRootNetworkWeights NoNeuronIdAvailable
      DelegateTakeTooLow DelegateTakeTooHigh NoWeightsCommitFound InvalidRevealCommitHashNotMatch
      CommitRevealEnabled CommitRevealDisabled LiquidAlphaDisabled AlphaHighTooLow AlphaLowOutOfRange
      ColdKeyAlreadyAssociated NotEnoughBalanceToPaySwapColdKey InvalidChild DuplicateChild ProportionOverflow
      TooManyChildren TxRateLimitExceeded ColdkeySwapAnnouncementNotFound ColdkeySwapTooEarly
      ColdkeySwapReannouncedTooEarly AnnouncedColdkeyHashDoesNotMatch ColdkeySwapAlreadyDisputed
      NewColdKeyIsHotkey InvalidChildkeyTake TxChildkeyTakeRateLimitExceeded InvalidIdentity
      MechanismDoesNotExist StakeUnavailable SubnetNotExists TooManyUnrevealedCommits ExpiredWeightCommit
      RevealTooEarly InputLengthsUnequal CommittingWeightsTooFast AmountTooLow InsufficientLiquidity
      SlippageTooHigh TransferDisallowed ActivityCutoffTooLow CallDisabled FirstEmissionBlockNumberAlreadySet
      NeedWaitingMoreBlocksToStarCall NotEnoughAlphaOutToRecycle CannotBurnOrRecycleOnRootSubnet
      UnableToRecoverPublicKey InvalidRecoveredPublicKey SubtokenDisabled HotKeySwapOnSubnetIntervalNotPassed`),
  ),
  ...since('latest', named('KeepStakeBlockedByCollateral')),
  ...since(
    'current',
    words(`
      SameNetuid InsufficientTaoBalance InvalidLeaseBeneficiary LeaseCannotEndInThePast LeaseNetuidNotFound
      LeaseDoesNotExist LeaseHasNoEndBlock LeaseHasNotEnded Overflow BeneficiaryDoesNotOwnHotkey
      ExpectedBeneficiaryOrigin AdminActionProhibitedDuringWeightsWindow SymbolDoesNotExist SymbolAlreadyInUse
      IncorrectCommitRevealVersion InvalidRevealRound RevealPeriodTooLarge RevealPeriodTooSmall InvalidValue
      SubnetLimitReached CannotAffordLockCost EvmKeyAssociateRateLimitExceeded EvmKeyAssociationLimitExceeded
      SameAutoStakeHotkeyAlreadySet UidMapCouldNotBeCleared TrimmingWouldExceedMaxImmunePercentage
      ChildParentInconsistency`),
  ),
  inCurrentAlone('InvalidNumRootClaim'),
  ...since('current', named('InvalidRootClaimThreshold')),
  inCurrentAlone('InvalidSubnetNumber'),
  ...since(
    'current',
    words(`
      TooManyUIDsPerMechanism VotingPowerTrackingNotEnabled InvalidVotingPowerEmaAlpha Deprecated
      SubnetBuybackRateLimitExceeded NetworkDissolveAlreadyQueued AddStakeBurnRateLimitExceeded
      ColdkeySwapAnnounced ColdkeySwapDisputed ColdkeySwapClearTooEarly DisabledTemporarily
      RegistrationPriceLimitExceeded LockHotkeyMismatch InsufficientStakeForLock NoExistingLock ActiveLockExists
      CannotUseSystemAccount UnlockAmountTooHigh WaitingForDissolvedSubnetCleanup TempoOutOfBounds
      ActivityCutoffFactorMilliOutOfBounds EpochTriggerAlreadyPending AutoEpochAlreadyImminent
      DynamicTempoBlockedByCommitReveal AccountRejectsLockedAlpha LockIdOverFlow StartCallNotReady
      InsufficientAlphaBalance`),
  ),
  ...since(
    'latest',
    words(`
      ColdkeyCollateralIncomplete ColdkeyCollateralPositionsFull BasketHasNoWeights RootStakeLocked
      BetaBasketSeedInProgress RootWeightSettingDisabled RootClaimTooHeavy RootWeightCapExceeded
      BasketDepositPending InvalidBatchLength TooManyStakingHotkeys ColdkeySwapTooHeavy
      BasketConcentrationCapExceeded BasketTradingDisabled BasketTradingFrozen BasketTurnoverBudgetExceeded
      BasketSameSubnet BasketLiquidityCapExceeded BasketMinOutNotMet BasketSwapBatchEmpty CommitPayloadTooLarge
      CommitQueueFull`),
  ),
];
