"""What stands around the quotes of a reply, by language: courtesy, and no fact."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phrases:
    """``{name}`` has a space before it or is empty; ``{title}`` is an article's or a section's."""

    hello: str
    thanks: str
    sorry: str
    about: str
    steps: str
    """Before a list that begins without a word."""
    missing: str
    closing: str


PHRASES = {
    "en": Phrases(
        "Hello{name},",
        "Thank you for your message.",
        "We are sorry for the trouble.",
        "About your question on “{title}”:",
        "Here are the steps:",
        "We could not find an answer to your other question in our articles. A colleague will"
        " look into it.",
        "If this does not help, just reply to this message.",
    ),
    "de": Phrases(
        "Guten Tag{name},",
        "danke für Ihre Nachricht.",
        "Es tut uns leid, dass Sie Mühe damit haben.",
        "Zu Ihrer Frage nach „{title}“:",
        "So geht es:",
        "Auf Ihre andere Frage haben wir in unseren Artikeln leider keine Antwort gefunden.",
        "Bitte antworten Sie auf diese Nachricht, wenn das nicht hilft.",
    ),
    "fr": Phrases(
        "Bonjour{name},",
        "Merci pour votre message.",
        "Nous sommes désolés pour ce désagrément.",
        "Pour votre question sur « {title} » :",
        "Voici les étapes :",
        "Nous n'avons pas trouvé de réponse à votre autre question dans nos articles.",
        "Si cela ne suffit pas, répondez simplement à ce message.",
    ),
    "es": Phrases(
        "Hola{name}:",
        "Gracias por su mensaje.",
        "Sentimos las molestias.",
        "Sobre su pregunta acerca de «{title}»:",
        "Estos son los pasos:",
        "No hemos encontrado respuesta a su otra pregunta en nuestros artículos.",
        "Si esto no le ayuda, responda a este mensaje.",
    ),
}

LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "cjk": "Chinese, Japanese or Korean",
    "cyrillic": "a language in Cyrillic letters",
    "arabic": "a language in Arabic letters",
    "other": "another script",
}
"""What ``language`` finds, in words."""
