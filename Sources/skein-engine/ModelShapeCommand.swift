import ArgumentParser
import Console
import LanguageModels
import RunConfiguration

/// Asked by `skein`, which knows no model: how many tokens a model takes, and how many it has embeddings of.
struct ModelShapeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model-shape", abstract: "What a model's config.json means.", shouldDisplay: false)

    @Argument(help: "A Hugging Face directory.") var directory: String

    private struct Shape: Encodable {
        var context: Int
        var vocabulary: Int
        /// For the memory plan of a run.
        var model: MemoryPlan.Model
    }

    func run() throws {
        let configuration = try configurationErrors { try ModelFiles.directory(directory).configuration() }
        try printJSON(
            Shape(
                context: configuration.contextLength, vocabulary: configuration.vocabularySize,
                model: Self.model(configuration)))
    }

    /// Matrices alone: norms and biases are a thousandth of a model.
    private static func model(_ configuration: ModelConfiguration) -> MemoryPlan.Model {
        let (hidden, inner) = (configuration.hiddenSize, configuration.intermediateSize)
        let queries = configuration.headCount * configuration.headSize
        let keyValues = configuration.keyValueHeadCount * configuration.headSize
        // GPT-2 and GPT-NeoX have no gate.
        let projections = configuration.modelType.hasPrefix("gpt") ? 2 : 3
        let layer = hidden * (2 * queries + 2 * keyValues + projections * inner)
        let embeddings = configuration.vocabularySize * hidden * (configuration.tiedHead ? 1 : 2)
        return MemoryPlan.Model(
            parameters: configuration.layerCount * layer + embeddings, layers: configuration.layerCount, hidden: hidden,
            intermediate: inner, vocabulary: configuration.vocabularySize, keyValueWidth: keyValues)
    }
}
