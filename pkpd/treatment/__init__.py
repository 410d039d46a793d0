"""WHEN: doses and regimens."""
