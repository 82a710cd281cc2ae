package import RunConfiguration

/// How the weight beta of the KL penalty moves from step to step.
package enum KLController: Sendable, Equatable, Codable {
    case fixed(beta: Double)
    /// Ziegler et al. 2019, section 2.2: proportional control of log beta, in small steps.
    case adaptive(AdaptiveKL)

    package init(_ section: KLSection) {
        switch section.controller {
        case .fixed: self = .fixed(beta: section.coefficient)
        case .adaptive:
            self = .adaptive(AdaptiveKL(beta: section.initial, target: section.target, horizon: section.horizon))
        }
    }

    package var beta: Double {
        switch self {
        case .fixed(let beta): beta
        case .adaptive(let state): state.beta
        }
    }

    /// This controller's settings with the beta that another one reached: what a run goes on with.
    package func continuing(_ former: KLController) -> KLController {
        guard case .adaptive(let settings) = self, case .adaptive(let state) = former else { return self }
        return .adaptive(AdaptiveKL(beta: state.beta, target: settings.target, horizon: settings.horizon))
    }

    /// - Parameters:
    ///   - sequenceKL: mean KL of an answer in nats (k1).
    ///   - samples: answers since the last call.
    package mutating func update(sequenceKL: Double, samples: Int) {
        guard case .adaptive(var state) = self else { return }
        state.update(sequenceKL: sequenceKL, samples: samples)
        self = .adaptive(state)
    }
}

package struct AdaptiveKL: Sendable, Equatable, Codable {
    package private(set) var beta: Double
    package let target: Double
    package let horizon: Double

    package init(beta: Double, target: Double, horizon: Double) {
        self.beta = beta
        self.target = target
        self.horizon = horizon
    }

    package mutating func update(sequenceKL: Double, samples: Int) {
        // A KL that is not finite belongs to a step that is skipped; it must not poison beta for ever.
        guard sequenceKL.isFinite, target > 0, horizon > 0 else { return }
        let error = min(max(sequenceKL / target - 1, -0.2), 0.2)
        // Never below 0: with more samples in a step than a fifth of the horizon the factor could turn negative.
        beta *= max(0, 1 + error * Double(samples) / horizon)
    }
}
