/// The shape of the policy loss; see ``ReferenceLoss/policy(advantage:new:old:clip:clipHigh:dualClip:clampedTo:)``.
package struct PolicyLossSettings: Sendable, Equatable {
    package var clip = 0.2
    /// Upper bound of the ratio is 1 + this; the same as `clip` when nil.
    package var clipHigh: Double?
    package var dualClip: Double?
    /// |log ratio| is clamped to this before exp, and counted when it happens.
    package var logRatioBound = 20.0
    package var entropyWeight = 0.0
    /// KL to the reference as a loss: the gradient is k2's, the reported value k3's.
    package var klWeight = 0.0
    /// The weight pi_prox / pi_behaviour of stale tokens is truncated here (Fu et al. 2025).
    package var behaviourCap = 2.0

    package init() {}
}
