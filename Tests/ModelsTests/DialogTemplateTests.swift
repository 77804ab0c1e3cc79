import Golden
import Testing

@testable import Models

/// How released adapters want their prompts written; what the reference writes is compared in OfficialDialogTests.
@Suite struct DialogTemplateTests {
    @Test func turnsFollowOneAnother() {
        let said = [ChatMessage(.user, "Hi."), ChatMessage(.assistant, "Hello."), ChatMessage(.user, "Bye.")]
        #expect(
            DialogTemplate.bairV1.render(said)
                == "BEGINNING OF CONVERSATION: USER: Hi. GPT: Hello.</s>USER: Bye. GPT:")
        let long = DialogTemplate.v1.render(said)
        #expect(long.hasPrefix("A chat between a curious human and an artificial intelligence assistant. The assistant"))
        #expect(long.hasSuffix("instability.\n###Human: Hi.###Assistant: Hello.###Human: Bye.###Assistant:"))
        #expect(
            DialogTemplate.v1.render([ChatMessage(.system, "Be brief.")] + said)
                == "Be brief.###Human: Hi.###Assistant: Hello.###Human: Bye.###Assistant:")
    }

    @Test func answersEndWhereTheTurnDoes() {
        #expect(DialogTemplate.v1.answer(in: " \n Yes, I do. \u{1C}\t### Human: And?###") == "Yes, I do.")
        // A mark that joins the separator's last sign does not hide it.
        #expect(DialogTemplate.v1.answer(in: "Yes.###\u{301}no") == "Yes.")
        #expect(DialogTemplate.bairV1.answer(in: "Yes.###no") == "Yes.###no")
        #expect(DialogTemplate.bairV1.answer(in: "</s>Yes.") == "")
        #expect(DialogTemplate.bairV1.answer(in: " \u{3000} ") == "")
    }

    @Test func instructionsAsAlpacaHasThem() {
        #expect(
            AlpacaPrompt.text(instruction: "Say paper.")
                == "Below is an instruction that describes a task. Write a response that appropriately completes the "
                + "request.\n\n### Instruction:\nSay paper.\n\n### Response:")
        #expect(
            AlpacaPrompt.text(instruction: "Sort.", input: "b a").contains(
                "further context. Write a response that appropriately completes the request.\n\n### Instruction:\nSort."
                    + "\n\n### Input:\nb a\n\n### Response:"))
    }

    @Test func theLastTokensAreKept() throws {
        let model = try LanguageModel(path: Golden.tiny("language.gguf"))
        // Its file asks for no begin of sequence.
        #expect(model.begin == [])
        let all = model.tokens(of: "a long text that does not fit")
        #expect(model.tokens(of: "a long text that does not fit", room: 5) == all.suffix(5))
        #expect(all.count > 5 && model.tokens(of: "a", room: -1) == [])
    }
}
