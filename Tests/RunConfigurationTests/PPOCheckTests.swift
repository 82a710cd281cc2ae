import Testing

@testable import RunConfiguration

/// Keys of `ppo` that depend on one another.
@Suite struct PPOCheckTests {
    func parsed(_ overrides: String...) throws -> RunConfiguration {
        try RunConfiguration.parse("{}", overrides: overrides)
    }

    @Test func defaultsFollowTheLoss() throws {
        let plain = try parsed()
        #expect(plain.ppo.policyLoss == .ppo && plain.ppo.lossAggregation == .tokenMean && plain.ppo.clip == 0.2)
        #expect(plain.ppo.clipHigh == nil && plain.ppo.valueLambda == nil && plain.ppo.groupScale)
        #expect(plain.ppo.criticWarmupSteps == 0 && plain.ppo.weightDecayOn == .matrices)
        #expect(plain.ppo.kl.estimator == .k1)
        let gspo = try parsed("ppo.policy_loss=gspo")
        #expect(gspo.ppo.lossAggregation == .sequenceMean && gspo.ppo.clip == 3e-4 && gspo.ppo.clipHigh == 4e-4)
        // What is written stays.
        let own = try parsed("ppo.policy_loss=gspo", "ppo.clip=0.01", "ppo.loss_aggregation=token_mean")
        #expect(own.ppo.clip == 0.01 && own.ppo.clipHigh == nil && own.ppo.lossAggregation == .tokenMean)
        #expect(try parsed("ppo.kl.in=loss").ppo.kl.estimator == .k2)
        #expect(try parsed("ppo.kl.in=loss", "ppo.kl.estimator=k1").ppo.kl.estimator == .k1)
        // The file that `config check` prints means the same.
        for run in [gspo, own, try parsed("ppo.kl.in=loss")] {
            #expect(try RunConfiguration.parse(run.resolvedYAML()).ppo == run.ppo)
        }
    }

    @Test func keysWithoutAnEffectAreRefused() throws {
        let place = try Workplace()
        func refused(_ key: String, _ overrides: String...) -> Bool {
            let problems = place.problems(overrides)
            return problems.count == 1 && problems[0].contains(key)
        }
        let groups = "rollout.samples_per_prompt=4"
        #expect(refused("ppo.dual_clip", "ppo.policy_loss=gspo", "ppo.dual_clip=3"))
        #expect(refused("ppo.dual_clip", "ppo.policy_loss=cispo", "ppo.clip_high=3", "ppo.dual_clip=3"))
        #expect(refused("ppo.clip", "ppo.policy_loss=cispo", "ppo.clip=0.3"))
        #expect(refused("ppo.group_scale", "ppo.group_scale=false"))
        #expect(refused("ppo.group_scale", "ppo.group_scale=false", "ppo.advantage=rloo", groups))
        #expect(refused("ppo.bootstrap_truncated", "ppo.bootstrap_truncated=true", "ppo.missing_eos=mask"))
        #expect(refused("ppo.value_lambda", "ppo.value_lambda=1", "ppo.advantage=grpo", groups))
        #expect(refused("ppo.critic_warmup_steps", "ppo.critic_warmup_steps=2", "ppo.critic=shared"))
        #expect(refused("ppo.critic_warmup_steps", "ppo.critic_warmup_steps=2", "ppo.advantage=grpo", groups))
        #expect(refused("ppo.critic_warmup_steps", "ppo.critic_warmup_steps=100"))
        #expect(refused("ppo.kl.horizon", "ppo.kl.controller=adaptive", "ppo.kl.horizon=1"))
        #expect(place.problems(["ppo.policy_loss=cispo", "ppo.clip_high=4"]) == [])
        #expect(place.problems(["ppo.group_scale=false", "ppo.advantage=grpo", groups]) == [])
        #expect(place.problems(["ppo.policy_loss=gspo", "ppo.advantage=grpo", "ppo.missing_eos=mask", groups]) == [])
        #expect(place.problems(["ppo.critic_warmup_steps=10", "ppo.value_lambda=1"]) == [])
    }

    @Test func estimatorsThatDoNotHoldThePolicyAreWarnedOf() throws {
        func warnings(_ overrides: String...) throws -> [String] {
            try RunConfiguration.parse("{}", overrides: overrides).warnings().map { "\($0)" }
        }
        #expect(try warnings() == [])
        #expect(try warnings("ppo.kl.in=loss") == [])
        let noise = try warnings("ppo.kl.in=loss", "ppo.kl.estimator=k1")
        #expect(noise.count == 1 && noise[0].contains("ppo.kl.estimator") && noise[0].contains("0 on average"))
        #expect(try warnings("ppo.kl.in=loss", "ppo.kl.estimator=k3").count == 1)
        #expect(try warnings("ppo.kl.estimator=k3").count == 1)
        #expect(try warnings("ppo.policy_loss=gspo", "ppo.clip=0.2")[0].contains("ppo.clip"))
    }
}
