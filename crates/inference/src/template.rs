//! Lays a conversation out as the text a model was trained on.
//!
//! Checkpoints carry their layout as a program in the Jinja language. Running foreign programs to place four words is
//! not worth an interpreter: a handful of layouts cover the Llama family, each has marks of its own, and
//! [`Template::detect`] tells them apart by these. A model without a layout, or with an unknown one, gets a play
//! script, which any model of text continues.
//!
//! Miner and grader both lay out through [`crate::model::Model::tokens`], so both read the same tokens.

use crate::request::{Message, Role};

/// A layout of conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// `<|im_start|>role … <|im_end|>`; the shipped model's, and that of many others.
    ChatMl,
    /// `<|start_header_id|>role<|end_header_id|> … <|eot_id|>`, Llama 3's.
    Llama3,
    /// `<|role|> … </s>`, as TinyLlama and Zephyr have it.
    Zephyr,
    /// `[INST] … [/INST] …`, Llama 2's and Mistral's.
    Instruct,
    /// `USER: … ANSWER:`, for models that were never taught a layout.
    Script,
}

impl Template {
    /// Recognises the layout of a `chat_template` by its marks.
    pub fn detect(chat_template: &str) -> Self {
        [
            ("<|im_start|>", Self::ChatMl),
            ("<|start_header_id|>", Self::Llama3),
            ("<|user|>", Self::Zephyr),
            ("[INST]", Self::Instruct),
        ]
        .into_iter()
        .find(|(mark, _)| chat_template.contains(mark))
        .map_or(Self::Script, |(_, template)| template)
    }

    /// The text up to where the model's next turn begins.
    pub fn render(self, messages: &[Message]) -> String {
        let mut text = String::new();
        for (index, message) in messages.iter().enumerate() {
            self.turn(&mut text, message, index == 0);
        }
        text.push_str(match self {
            Self::ChatMl => "<|im_start|>assistant\n",
            Self::Llama3 => "<|start_header_id|>assistant<|end_header_id|>\n\n",
            Self::Zephyr => "<|assistant|>\n",
            Self::Instruct => "",
            Self::Script => "ANSWER:\n",
        });
        text
    }

    fn turn(self, text: &mut String, message: &Message, first: bool) {
        let (role, content) = (message.role.name(), message.content.as_str());
        match self {
            Self::ChatMl => {
                text.push_str(&format!("<|im_start|>{role}\n{content}<|im_end|>\n"));
            }
            Self::Llama3 => {
                let content = content.trim();
                let head = format!("<|start_header_id|>{role}<|end_header_id|>\n\n");
                text.push_str(&format!("{head}{content}<|eot_id|>"));
            }
            Self::Zephyr => text.push_str(&format!("<|{role}|>\n{content}</s>\n")),
            Self::Instruct => instruct(text, message, first),
            Self::Script => {
                text.push_str(&format!("{}:\n{content}\n\n", script_name(message.role)))
            }
        }
    }
}

/// Llama 2 has no place for a system turn but inside the first question.
fn instruct(text: &mut String, message: &Message, first: bool) {
    let content = message.content.trim();
    match message.role {
        Role::System => {
            text.push_str(&format!("[INST] <<SYS>>\n{content}\n<</SYS>>\n\n"));
        }
        Role::User if !first && text.ends_with("<</SYS>>\n\n") => {
            text.push_str(&format!("{content} [/INST]"));
        }
        Role::User => text.push_str(&format!("[INST] {content} [/INST]")),
        Role::Assistant => text.push_str(&format!(" {content} </s>")),
    }
}

fn script_name(role: Role) -> &'static str {
    match role {
        Role::System => "SCENE",
        Role::User => "USER",
        Role::Assistant => "ANSWER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Vec<Message> {
        [
            (Role::System, "Be brief."),
            (Role::User, "Hello."),
            (Role::Assistant, "Hi."),
            (Role::User, "Bye."),
        ]
        .map(|(role, content)| Message {
            role,
            content: content.into(),
        })
        .to_vec()
    }

    #[test]
    fn each_layout_is_rendered_to_the_letter() {
        for (template, expected) in [
            (
                Template::ChatMl,
                "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello.<|im_end|>\n\
                 <|im_start|>assistant\nHi.<|im_end|>\n<|im_start|>user\nBye.<|im_end|>\n\
                 <|im_start|>assistant\n",
            ),
            (
                Template::Llama3,
                "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>\
                 <|start_header_id|>user<|end_header_id|>\n\nHello.<|eot_id|>\
                 <|start_header_id|>assistant<|end_header_id|>\n\nHi.<|eot_id|>\
                 <|start_header_id|>user<|end_header_id|>\n\nBye.<|eot_id|>\
                 <|start_header_id|>assistant<|end_header_id|>\n\n",
            ),
            (
                Template::Zephyr,
                "<|system|>\nBe brief.</s>\n<|user|>\nHello.</s>\n<|assistant|>\nHi.</s>\n\
                 <|user|>\nBye.</s>\n<|assistant|>\n",
            ),
            (
                Template::Instruct,
                "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello. [/INST] Hi. </s>[INST] Bye. [/INST]",
            ),
            (
                Template::Script,
                "SCENE:\nBe brief.\n\nUSER:\nHello.\n\nANSWER:\nHi.\n\nUSER:\nBye.\n\nANSWER:\n",
            ),
        ] {
            assert_eq!(template.render(&conversation()), expected, "{template:?}");
        }
    }

    #[test]
    fn a_layout_is_recognised_by_its_marks() {
        let detect = Template::detect;
        assert_eq!(detect("{{'<|im_start|>' + role}}"), Template::ChatMl);
        assert_eq!(detect("{{'<|start_header_id|>' + role}}"), Template::Llama3);
        assert_eq!(detect("{{'<|user|>\n' + content}}"), Template::Zephyr);
        assert_eq!(detect("{{'[INST] ' + content}}"), Template::Instruct);
        assert_eq!(detect("{{ content }}"), Template::Script);
    }
}
