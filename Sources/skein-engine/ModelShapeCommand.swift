import ArgumentParser
import Console
import LanguageModels

/// Asked by `skein`, which knows no model: how many tokens a model takes, and how many it has embeddings of.
struct ModelShapeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model-shape", abstract: "What a model's config.json means.", shouldDisplay: false)

    @Argument(help: "A Hugging Face directory.") var directory: String

    private struct Shape: Encodable {
        var context: Int
        var vocabulary: Int
    }

    func run() throws {
        let configuration = try configurationErrors { try ModelFiles.directory(directory).configuration() }
        try printJSON(Shape(context: configuration.contextLength, vocabulary: configuration.vocabularySize))
    }
}
