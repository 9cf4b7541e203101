"""How others would bring referrals into the CRM: what they do about one record is the same, who drives them is not."""
