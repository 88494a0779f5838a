"""recwatch: is personalization healthy, and does the experiment work?"""
