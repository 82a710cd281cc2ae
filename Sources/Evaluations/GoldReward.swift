import Datasets
import Rewards

/// How good an answer is by the grammar that made the quickstart's corpus: it measures what training did, so nothing may
/// learn from it. A prompt that is not of the corpus has no value.
struct GoldReward: RewardFunction {
    let name: String

    func score(_ inputs: [RewardInput]) -> [Float?] {
        inputs.map { input in
            GoldScore.knows(prompt: input.prompt)
                ? Float(GoldScore.score(prompt: input.prompt, completion: input.response)) : nil
        }
    }
}
