"""What people fill in. The forms of signing in are django-allauth's, in our words."""

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as second_factor
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from portal.accounts import zones
from portal.accounts.models import Theme, User

ADVICE = "At least 12 characters. Four or five words that only you connect are easy to keep."


def _dress(form: forms.BaseForm, **labels: str) -> None:
    """Labels are above their fields; a placeholder would say it twice and then vanish."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)
    for name, label in labels.items():
        form.fields[name].label = label


def _expect_code(form: forms.BaseForm, label: str) -> None:
    _dress(form, code=label)
    form.fields["code"].widget.attrs |= {
        "autocomplete": "one-time-code",
        "inputmode": "numeric",
        "autofocus": True,
    }


class AdministratorForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=100,
        widget=forms.TextInput({"autocomplete": "name", "autofocus": True}),
    )
    email = forms.EmailField(
        label="E-mail",
        help_text="You log in with it.",
        widget=forms.EmailInput({"autocomplete": "username"}),
    )
    password = forms.CharField(
        strip=False,
        help_text=ADVICE,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    # Filled by the browser, which knows where it is.
    time_zone = forms.CharField(required=False, widget=forms.HiddenInput({"data-time-zone": ""}))

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        data["time_zone"] = zones.zone(data.get("time_zone", "")).key
        if "password" in data:
            person = User(email=data.get("email", ""), name=data.get("name", ""))
            try:
                validate_password(data["password"], person)
            except ValidationError as error:
                self.add_error("password", error)
        return data


class ProfileForm(forms.Form):
    name = forms.CharField(max_length=100, widget=forms.TextInput({"autocomplete": "name"}))
    time_zone = forms.ChoiceField(
        choices=zones.by_region, help_text="Every time in Plimsoll is shown in it."
    )
    theme = forms.ChoiceField(choices=Theme.choices, widget=forms.RadioSelect)


class LoginForm(account.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, login="E-mail")
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "autofocus": True}


class ConfirmForm(account.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)
        self.fields["password"].widget.attrs["autofocus"] = True


class PasswordForm(account.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self, oldpassword="Present password", password1="New password")
        self.fields["oldpassword"].widget.attrs["autofocus"] = True
        self.fields["password1"].help_text = ADVICE
        del self.fields["password2"]  # the field can be shown instead


class CodeForm(second_factor.AuthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _expect_code(self, "Code")


class ConfirmCodeForm(second_factor.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _expect_code(self, "Code")


class FirstCodeForm(ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _expect_code(self, "The code that the app shows")
