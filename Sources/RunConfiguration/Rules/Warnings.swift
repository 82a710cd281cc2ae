extension RunConfiguration {
    /// What works and is seldom meant, each with its place in the file.
    package func warnings() -> [ConfigurationError.Problem] {
        var warnings = Problems(places: places)
        if stages.contains(.ppo) { warnOfPPO(&warnings) }
        return warnings.found
    }

    private func warnOfPPO(_ warnings: inout Problems) {
        switch (ppo.kl.place, ppo.kl.estimator) {
        case (.loss, .k1):
            warnings.add(
                "ppo.kl.estimator",
                "the gradient of k1 in a loss is 0 on average, so that nothing holds the policy near its reference; k2 "
                    + "has the gradient of the KL")
        case (.loss, .k3):
            warnings.add(
                "ppo.kl.estimator",
                "the gradient of k3 in a loss is not that of KL(policy || reference) but of the reverse; k2 has it")
        case (.reward, .k2), (.reward, .k3):
            warnings.add(
                "ppo.kl.estimator",
                "\(ppo.kl.estimator.rawValue) in the rewards does not have the gradient of the KL; k1 has it")
        default: break
        }
        if ppo.policyLoss == .gspo, ppo.clip > 0.05 {
            warnings.add(
                "ppo.clip",
                "the ratio of a whole answer hardly ever leaves 1 by \(ppo.clip.written); gspo's authors clip at 3e-4 and "
                    + "4e-4")
        }
    }
}
